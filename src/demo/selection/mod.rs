//! The year's gold selection: 126 apply in May, their committees recommend 84 until June, the district awards 52 on the last day of
//! June. Each application keeps how its branch stood on the day of its last step.

mod standings;

use std::collections::HashMap;

use chrono::NaiveDate;

use super::{
    District, applicants, campaign,
    dice::{Dice, Subject, date, instant, minus_days, plus_days},
    gold::awarded_on,
    health,
    rectifications::{DISTRICT_OFFICER, officer, secretary},
    rows::{ApplicationRow, BranchRow},
};
use crate::{
    brand::BrandState,
    gold::{
        Application, GoldState, Veto, VetoKind,
        model::{BrandStanding, CheckStanding, Eligibility, StepTaken},
    },
    health_check::CheckOutcome,
    kernel::{
        clock::day_in_shanghai,
        id::{BranchId, GoldApplicationId, VetoId},
    },
    simulate::Deed,
};
use standings::Standings;

/// What came of those that were not awarded, and of how many.
const OTHERS: [(GoldState, usize); 4] = [
    (GoldState::NotRecommended, 31),
    (GoldState::Withdrawn, 7),
    (GoldState::Vetoed, 4),
    (GoldState::Declined, 32),
];
/// Vetoes of branches that never applied: so many open, so many lifted.
const OF_OTHERS: (usize, usize) = (5, 4);

const RECOMMENDED: [&str; 3] = [
    "体检过关、积分靠前、品牌鲜明，同意推荐。",
    "经党（工）委会议研究，同意推荐。",
    "基础扎实、群众认可，予以推荐。",
];
const NOT_RECOMMENDED: [&str; 3] = [
    "品牌成效尚不突出，本年度暂不推荐。",
    "名额有限，择优推荐，本年度暂不推荐。",
    "班子调整不久，建议下一年度申报。",
];
const WITHDRAWN: [&str; 2] = ["支部决定先补齐短板，明年再报。", "支部班子换届，撤回本年度申报。"];
const AWARDED: &str = "经区委组织部研究审定，命名为金牌支部。";
const DECLINED: [&str; 2] = [
    "总量所限，本年度未列入命名名单。",
    "统筹领域和类型后，本年度未予命名。",
];
/// As the service says it.
const VETOED: &str = "一票否决 · A veto was recorded";

struct Selection<'a> {
    dice: Dice,
    branches: HashMap<BranchId, &'a BranchRow>,
    brands: HashMap<BranchId, (&'a str, NaiveDate)>,
    checks: HashMap<BranchId, (CheckOutcome, NaiveDate)>,
    standings: Standings<'a>,
    applications: Vec<ApplicationRow>,
    vetoes: Vec<Veto>,
}

/// The applications in the order in which they were made, and every veto.
pub(super) fn build(
    district: &District,
    deeds: &HashMap<BranchId, Vec<Deed>>,
) -> (Vec<ApplicationRow>, Vec<Veto>) {
    let mut dice = Dice::new(Subject::Selection);
    let applicants = applicants::choose(district);
    let awarded = district
        .gold_titles
        .iter()
        .filter(|title| title.revoked_on.is_none())
        .count();
    let mut others: Vec<BranchId> = applicants.iter().skip(awarded).copied().collect();
    dice.shuffle(&mut others);
    let outcomes = OTHERS
        .iter()
        .flat_map(|&(state, count)| std::iter::repeat_n(state, count));
    let mut applied: Vec<(BranchId, GoldState, NaiveDate)> = applicants
        .iter()
        .take(awarded)
        .map(|&id| (id, GoldState::Awarded))
        .chain(others.into_iter().zip(outcomes))
        .map(|(id, state)| {
            (
                id,
                state,
                dice.day(date(health::YEAR, 5, 9), date(health::YEAR, 5, 20)),
            )
        })
        .collect();
    applied.sort_by_key(|&(id, _, day)| (day, id));
    let published = district
        .brands
        .iter()
        .filter(|row| row.state == BrandState::Published);
    let mut selection = Selection {
        dice,
        branches: district.branches.iter().map(|row| (row.id, row)).collect(),
        brands: published
            .filter_map(|row| {
                Some((
                    row.branch_id,
                    (row.name.as_str(), day_in_shanghai(row.published_at?)),
                ))
            })
            .collect(),
        checks: district
            .checks
            .iter()
            .map(|row| (row.branch_id, (row.outcome, row.concluded_on)))
            .collect(),
        standings: Standings::new(district, deeds),
        applications: Vec::new(),
        vetoes: Vec::new(),
    };
    for (id, state, day) in applied {
        selection.apply(id, state, day);
    }
    selection.others(district, &applicants);
    (selection.applications, selection.vetoes)
}

/// An application while its steps are taken.
struct Steps<'a> {
    branch: &'a BranchRow,
    row: Application,
    taken: Vec<StepTaken>,
    on: NaiveDate,
}

impl Selection<'_> {
    fn apply(&mut self, id: BranchId, outcome: GoldState, applied_on: NaiveDate) {
        let Some(&branch) = self.branches.get(&id) else {
            return;
        };
        let brand = self.brands.get(&id).map_or("", |(name, _)| *name);
        let mut steps = Steps {
            branch,
            row: Application {
                id: GoldApplicationId(self.applications.len() as i64 + 1),
                campaign_id: campaign::ID,
                branch_id: id,
                state: GoldState::Applied,
                before_veto: None,
                statement: format!(
                    "支部以“{brand}”为抓手，抓实组织生活，服务中心工作和群众，体检发现的问题均已整改，申报年度金牌支部。"
                ),
                eligibility: self.eligibility(branch, applied_on, false),
                awarded_on: None,
                version: 0,
            },
            taken: Vec::new(),
            on: applied_on,
        };
        self.take(&mut steps, GoldState::Applied, &secretary(branch), None);
        let looked_at = self
            .dice
            .day(date(health::YEAR, 5, 24), date(health::YEAR, 6, 10));
        match outcome {
            GoldState::Withdrawn => {
                steps.on = looked_at;
                let why = self.dice.one(&WITHDRAWN);
                self.take(&mut steps, outcome, &secretary(branch), Some(why));
            }
            GoldState::Vetoed => {
                steps.on = looked_at;
                self.veto(&mut steps);
            }
            GoldState::NotRecommended => {
                steps.on = looked_at;
                let why = self.dice.one(&NOT_RECOMMENDED);
                self.take(&mut steps, outcome, &officer(branch), Some(why));
            }
            _ => {
                steps.on = looked_at;
                let why = self.dice.one(&RECOMMENDED);
                self.take(&mut steps, GoldState::Recommended, &officer(branch), Some(why));
                steps.on = awarded_on();
                let why = match outcome {
                    GoldState::Awarded => AWARDED,
                    _ => self.dice.one(&DECLINED),
                };
                self.take(&mut steps, outcome, DISTRICT_OFFICER, Some(why));
                steps.row.awarded_on = (outcome == GoldState::Awarded).then_some(steps.on);
            }
        }
        self.applications.push(ApplicationRow {
            row: steps.row,
            steps: steps.taken,
        });
    }

    fn take(&mut self, steps: &mut Steps<'_>, state: GoldState, by: &str, opinion: Option<&str>) {
        let minutes = 9 * 60 + i64::from(self.dice.number(0, 8 * 60 - 1));
        steps.row.before_veto = (state == GoldState::Vetoed).then_some(steps.row.state);
        steps.row.state = state;
        steps.row.version += 1;
        steps.row.eligibility = self.eligibility(steps.branch, steps.on, state == GoldState::Vetoed);
        steps.taken.push(StepTaken {
            application_id: steps.row.id,
            state,
            at: instant(steps.on, minutes),
            by: by.to_owned(),
            opinion: opinion.map(str::to_owned),
        });
    }

    /// A veto that holds an application up.
    fn veto(&mut self, steps: &mut Steps<'_>) {
        let occurred_on = minus_days(steps.on, 3);
        self.record(steps.branch.id, occurred_on, None);
        self.take(steps, GoldState::Vetoed, DISTRICT_OFFICER, Some(VETOED));
    }

    fn record(&mut self, branch_id: BranchId, occurred_on: NaiveDate, lifted_on: Option<NaiveDate>) {
        let number = self.vetoes.len() as i64 + 1;
        self.vetoes.push(Veto {
            id: VetoId(number),
            branch_id,
            kind: self.dice.one_of(VetoKind::ALL).unwrap_or(VetoKind::Other),
            occurred_on,
            document_number: format!("演示海纪〔{}〕{}号", health::YEAR, 10 + number),
            lifted_on,
        });
    }

    /// Vetoes that hold nobody up: of branches that never applied, and of some that applied after theirs was lifted.
    fn others(&mut self, district: &District, applicants: &[BranchId]) {
        let mut never: Vec<BranchId> = district
            .branches
            .iter()
            .filter(|row| row.is_regular() && row.founded_on < date(health::YEAR - 1, 1, 1))
            .map(|row| row.id)
            .filter(|id| !applicants.contains(id))
            .collect();
        self.dice.shuffle(&mut never);
        let (open, lifted) = OF_OTHERS;
        for (nth, id) in never.into_iter().take(open + lifted).enumerate() {
            let occurred_on = self
                .dice
                .day(date(health::YEAR, 1, 10), date(health::YEAR, 10, 31));
            let after = 20 + self.dice.below(30) as u64;
            self.record(
                id,
                occurred_on,
                (nth >= open).then(|| plus_days(occurred_on, after)),
            );
        }
        let lifted: Vec<BranchId> = applicants.iter().rev().take(2).copied().collect();
        for id in lifted {
            let occurred_on = self
                .dice
                .day(date(health::YEAR - 1, 3, 1), date(health::YEAR - 1, 10, 31));
            self.record(id, occurred_on, Some(plus_days(occurred_on, 60)));
        }
    }

    /// How a branch stood on a day.
    fn eligibility(&self, branch: &BranchRow, on: NaiveDate, vetoed: bool) -> Eligibility {
        let check = self.checks.get(&branch.id);
        Eligibility {
            year: health::YEAR,
            health_check: match check {
                None => CheckStanding::None,
                Some((_, concluded_on)) if *concluded_on > on => CheckStanding::Pending,
                Some((outcome, _)) => {
                    CheckStanding::of_outcome(outcome.as_str()).unwrap_or(CheckStanding::Pending)
                }
            },
            points: self.standings.on(branch, on),
            brand: BrandStanding {
                published: self.brands.get(&branch.id).is_some_and(|(_, since)| *since <= on),
                required: true,
            },
            vetoed,
        }
    }
}
