//! The figures that were published, and what the records add up to beside them (docs/domain.md, 19).

use serde::Deserialize;

use crate::{kernel::message::Message, storage::StoreError};

/// What the product ships.
const SHIPPED: &str = include_str!("data/figures.json");

/// The figures that were published for a year.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The year.
    pub year: i32,
    /// Where they stand.
    pub source: Message,
    /// Each of them.
    pub figures: Vec<Figure>,
}

/// A figure that was published.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// What it counts.
    pub key: Counts,
    /// The same in words.
    pub label: Message,
    /// As it was printed.
    pub published: String,
    /// What is to be said of it.
    #[serde(default)]
    pub note: Option<Message>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "data/figures.json says each in words")]
pub enum Counts {
    GoldBranches,
    TwoCommittees,
    RisingStars,
    TrainingBases,
    Founded,
    ElectedOnTime,
    TemporaryFounded,
    RuralWorkers,
    NonPublicInstructors,
    Trained,
    Branches,
    AssignedOfficials,
    Volunteers,
    InspectionAspects,
    InspectionFindings,
    CheckAspects,
    CheckItems,
    TailoredItems,
}

impl Counts {
    /// Its name in the data and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Counts::GoldBranches => "goldBranches",
            Counts::TwoCommittees => "twoCommittees",
            Counts::RisingStars => "risingStars",
            Counts::TrainingBases => "trainingBases",
            Counts::Founded => "founded",
            Counts::ElectedOnTime => "electedOnTime",
            Counts::TemporaryFounded => "temporaryFounded",
            Counts::RuralWorkers => "ruralWorkers",
            Counts::NonPublicInstructors => "nonPublicInstructors",
            Counts::Trained => "trained",
            Counts::Branches => "branches",
            Counts::AssignedOfficials => "assignedOfficials",
            Counts::Volunteers => "volunteers",
            Counts::InspectionAspects => "inspectionAspects",
            Counts::InspectionFindings => "inspectionFindings",
            Counts::CheckAspects => "checkAspects",
            Counts::CheckItems => "checkItems",
            Counts::TailoredItems => "tailoredItems",
        }
    }
}

/// What was published for a year; None for years of which the product knows nothing.
pub fn published(year: i32) -> Result<Option<Published>, StoreError> {
    // A test reads it too: that it cannot be read is a defect of ours.
    let shipped: Published =
        serde_json::from_str(SHIPPED).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Some(shipped).filter(|shipped| shipped.year == year))
}

/// Whether a number is what was printed: exactly, or where it says 余 (somewhat more than), as much or more, and less than the next
/// round number: 800余 is 800 to 899, 16万余 is 160,000 to 169,999.
pub fn agrees(printed: &str, computed: i64) -> bool {
    let digits = printed.chars().take_while(char::is_ascii_digit).count();
    let (number, rest) = printed.split_at(digits);
    let Ok(number) = number.parse::<i64>() else {
        return false;
    };
    let (unit, rest) = match rest.strip_prefix('万') {
        Some(rest) => (10_000, rest),
        None => (1, rest),
    };
    let number = number.saturating_mul(unit);
    if !rest.starts_with('余') {
        return computed == number;
    }
    let mut step = 1;
    while number != 0 && number % (step * 10) == 0 {
        step *= 10;
    }
    (number..number.saturating_add(step)).contains(&computed)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn somewhat_more_ends_at_the_next_round_number() {
        for (printed, from, below) in [
            ("800余个", 800, 900),
            ("1300余名", 1300, 1400),
            ("400余名", 400, 500),
            ("16万余名", 160_000, 170_000),
            ("52个", 52, 53),
            ("5个方面", 5, 6),
            ("1050余名", 1050, 1060),
        ] {
            for (number, agreed) in [(from - 1, false), (from, true), (below - 1, true), (below, false)] {
                assert_eq!(agrees(printed, number), agreed, "{printed} {number}");
            }
        }
        assert!(!agrees("若干", 0));
    }

    #[test]
    fn what_is_shipped_can_be_read() {
        let shipped = published(2022).unwrap().unwrap();
        assert_eq!(shipped.figures.len(), 18);
        let keys: HashSet<_> = shipped.figures.iter().map(|figure| figure.key).collect();
        assert_eq!(keys.len(), 18);
        for figure in &shipped.figures {
            assert!(SHIPPED.contains(&format!("\"{}\"", figure.key.as_str())));
        }
        assert!(published(2021).unwrap().is_none());
    }
}
