//! A platform to try the service on: a stand-in for 厦门党建e家 with points of the demonstration district's branches.
//!
//! [`build`] makes its list, the same on every machine: `plan` says what each branch did and what it earned, `mishaps`
//! what went wrong on the way into the list. [`reckoning`](Reckoning) adds up what events come to. [`Server`] serves the
//! list over HTTP as such platforms do, with faults on demand ([`Faults`]), and with new entries as time goes by.

mod arrivals;
mod codes;
mod faults;
mod mishaps;
mod ndjson;
mod page;
mod plan;
mod platform;
mod reckoning;
mod record;
mod server;
mod settings;
mod size;
mod strangers;

#[cfg(test)]
mod tests;

pub use codes::Directory;
pub use faults::{Chance, Fault, FaultError, Faults};
pub use ndjson::ndjson;
pub use platform::Platform;
pub use reckoning::{Event, Reckoning};
pub use record::{List, Record};
pub use server::{Options, Server};
pub use settings::Settings;
pub use size::Size;

use std::collections::HashMap;

use crate::{
    demo::District,
    kernel::id::BranchId,
    training::{ParticipantKey, participant::ShortKey},
};
pub(crate) use plan::Deed;

use codes::Codes;
use mishaps::Clerk;
use plan::Planner;

/// Entries that will wait, of each kind, in a thousand.
const STRANGERS: usize = 4;

/// What every branch of a district did, as the list of the demonstration's size has it once everything in it is put right.
pub(crate) fn deeds(district: &District) -> HashMap<BranchId, Vec<Deed>> {
    let mut planner = Planner::new(district, Size::Small);
    let branches = district.branches.iter();
    branches.map(|branch| (branch.id, planner.plan(branch))).collect()
}

/// Makes the platform's list for a district.
pub fn build(district: &District, size: Size) -> List {
    let directory = Directory::of(district);
    let codes = Codes::new(district, &directory, plan::FIRST_DAY);
    let mut planner = Planner::new(district, size);
    let mut clerk = Clerk::new(&codes, &district.branches);
    let mut entered = 0;
    for branch in &district.branches {
        let mut deeds = planner.plan(branch);
        deeds.sort_by_key(|deed| deed.at);
        entered += deeds.len();
        for deed in deeds {
            clerk.enter(branch, deed);
        }
    }
    clerk.strangers(entered * STRANGERS / 1000, &district.branches);
    let records = clerk.finish();
    List {
        records,
        codes: codes.into_texts(),
        run: String::new(),
    }
}

/// The demonstration district. Nothing here depends on the participants of its trainings, so their key is no secret.
///
/// # Errors
///
/// None: the key is long enough.
pub fn district() -> Result<District, ShortKey> {
    Ok(crate::demo::build(&ParticipantKey::new(&[0; 32])?))
}
