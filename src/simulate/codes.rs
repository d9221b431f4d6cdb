//! Which codes branches have, and when.

use std::collections::HashMap;

use chrono::NaiveDate;

use crate::{
    demo::{District, SOURCE, dice::Dice, rows::BranchRow},
    kernel::id::BranchId,
};

/// A code that a branch has from a day on, perhaps until another, that day included.
struct Held {
    branch: BranchId,
    since: NaiveDate,
    until: Option<NaiveDate>,
}

impl Held {
    fn on(&self, day: NaiveDate) -> bool {
        self.since <= day && self.until.is_none_or(|until| day <= until)
    }
}

/// Who has which code towards the platform, and when.
pub struct Directory {
    held: HashMap<String, Vec<Held>>,
    own: HashMap<BranchId, String>,
}

impl Directory {
    /// That of a district.
    pub fn of(district: &District) -> Self {
        let mut held: HashMap<String, Vec<Held>> = HashMap::new();
        let own = district.branches.iter().map(|row| {
            let own = Held {
                branch: row.id,
                since: row.founded_on,
                until: None,
            };
            (row.code.clone(), own)
        });
        let aliases = district.aliases.iter();
        let aliases = aliases.filter(|row| row.source_code.is_empty() || row.source_code == SOURCE);
        let aliases = aliases.map(|row| {
            let alias = Held {
                branch: row.branch_id,
                since: row.since,
                until: row.until,
            };
            (row.code.clone(), alias)
        });
        for (code, holding) in own.chain(aliases) {
            held.entry(code).or_default().push(holding);
        }
        let own = district.branches.iter();
        Self {
            held,
            own: own.map(|row| (row.id, row.code.clone())).collect(),
        }
    }

    /// The branch that has a code on a day.
    pub fn holder(&self, code: &str, day: NaiveDate) -> Option<BranchId> {
        let mut held = self.held.get(code)?.iter();
        held.find(|held| held.on(day)).map(|held| held.branch)
    }

    /// A branch's own code.
    pub fn code_of(&self, branch: BranchId) -> Option<&str> {
        self.own.get(&branch).map(String::as_str)
    }

    /// What codes a branch has on a day, its own first.
    fn codes_on<'a>(&'a self, branch: &'a BranchRow, day: NaiveDate) -> Vec<&'a str> {
        let mut others: Vec<&str> = self
            .held
            .iter()
            .filter(|(code, _)| **code != branch.code)
            .filter(|(_, held)| held.iter().any(|held| held.branch == branch.id && held.on(day)))
            .map(|(code, _)| code.as_str())
            .collect();
        others.sort_unstable();
        others.insert(0, &branch.code);
        others
    }

    /// The codes that no branch has any more on a day.
    fn ended_before(&self, day: NaiveDate) -> Vec<&str> {
        let mut ended: Vec<&str> = self
            .held
            .iter()
            .filter(|(_, held)| {
                held.iter()
                    .all(|held| held.until.is_some_and(|until| until < day))
            })
            .map(|(code, _)| code.as_str())
            .collect();
        ended.sort_unstable();
        ended
    }
}

/// The table of codes that rows name by their place.
pub(super) struct Codes {
    texts: Vec<String>,
    places: HashMap<String, u16>,
    /// Per branch, on the first day of the year: its own and its aliases.
    by_branch: HashMap<BranchId, Vec<u16>>,
    /// Codes that were given up before the year.
    pub ended: Vec<u16>,
    /// Codes that nobody ever had: mistyped, or of another district.
    pub strange: Vec<u16>,
}

impl Codes {
    pub fn new(district: &District, directory: &Directory, first_day: NaiveDate) -> Self {
        let mut codes = Self {
            texts: Vec::new(),
            places: HashMap::new(),
            by_branch: HashMap::new(),
            ended: Vec::new(),
            strange: Vec::new(),
        };
        for row in &district.branches {
            let day = first_day.max(row.founded_on);
            let of_branch = directory.codes_on(row, day);
            let of_branch = of_branch.into_iter().map(|code| codes.place(code)).collect();
            codes.by_branch.insert(row.id, of_branch);
        }
        let ended = directory.ended_before(first_day);
        codes.ended = ended.into_iter().map(|code| codes.place(code)).collect();
        let strange = [
            "HC-9001",
            "HC-0O17",
            "HC-1225",
            "XM-HC-1001",
            "SM-0417",
            "JM-0032",
        ];
        codes.strange = strange.into_iter().map(|code| codes.place(code)).collect();
        codes
    }

    fn place(&mut self, code: &str) -> u16 {
        if let Some(&place) = self.places.get(code) {
            return place;
        }
        let place = u16::try_from(self.texts.len()).unwrap_or(u16::MAX);
        self.texts.push(code.to_owned());
        self.places.insert(code.to_owned(), place);
        place
    }

    /// A branch's own code.
    pub fn own(&self, branch: BranchId) -> u16 {
        let of_branch = self.by_branch.get(&branch);
        of_branch
            .and_then(|codes| codes.first().copied())
            .unwrap_or_default()
    }

    /// One of a branch's codes; where it has several, any of them as often.
    pub fn one_of(&self, branch: BranchId, dice: &mut Dice) -> u16 {
        match self.by_branch.get(&branch).map(Vec::as_slice) {
            None | Some([]) => 0,
            Some([only]) => *only,
            Some(several) => dice.one(several),
        }
    }

    pub fn into_texts(self) -> Vec<String> {
        self.texts
    }
}
