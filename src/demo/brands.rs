//! Brand profiles: one published a branch at most, others in every state around it.

use std::collections::HashSet;

use chrono::NaiveDate;

use super::{
    dice::{Dice, Subject, date, plus_days},
    gold::Gold,
    names::{brand, synthetic},
    rows::{BranchRow, BrandRow, StoryRow},
};
use crate::{
    branch::Domain,
    brand::{BrandState, StoryForm, search_text},
    kernel::id::BrandId,
};

/// Brands that the report names, with their slogans, for HC-0001 to HC-0003.
const REAL: [(&str, &str); 3] = [
    ("邻里医生", "党员医生在身边，小病小痛不出门"),
    ("市政110", "群众一声呼，党员马上到"),
    ("远海红", "码头党旗红，远海作先锋"),
];

const THEMES: [&str; 12] = [
    "基层治理",
    "为民服务",
    "乡村振兴",
    "疫情防控",
    "安全生产",
    "营商环境",
    "助学助困",
    "生态环保",
    "科技创新",
    "文明创建",
    "健康服务",
    "技能攻关",
];
const SLOGANS: [&str; 8] = [
    "支部建在网格上，服务送到家门口",
    "一个支部一面旗，一名党员一盏灯",
    "党建聚合力，岗位当先锋",
    "小事不出楼，大事有人管",
    "亮身份、亮承诺、亮作为",
    "心往一处想，劲往一处使",
    "把难题当课题，把岗位当战位",
    "群众点单，支部接单，党员跑单",
];
/// Forms of a story, each with what it is called.
const STORIES: [(StoryForm, &str); 7] = [
    (StoryForm::Recitation, "朗诵《永远跟党走》"),
    (StoryForm::ClapperTalk, "快板说支部"),
    (StoryForm::StagePlay, "舞台剧《身边的党员》"),
    (StoryForm::ServiceTeam, "党员服务团队"),
    (StoryForm::TaskTeam, "急难任务攻关组"),
    (StoryForm::Station, "家门口的服务驿站"),
    (StoryForm::Practice, "支部工作典型做法"),
];
const RETURN_REASONS: [&str; 3] = [
    "请补充近一年的成效数据",
    "品牌内涵与工作案例对应不够，请修改",
    "请按一支部一品牌要求精简主题",
];

struct Brands {
    dice: Dice,
    rows: Vec<BrandRow>,
    /// How many names have been given.
    named: usize,
}

pub(super) fn build(active: &[BranchRow], ended: &[BranchRow], gold: &Gold) -> Vec<BrandRow> {
    let mut brands = Brands {
        dice: Dice::new(Subject::Brands),
        rows: Vec::new(),
        named: 0,
    };
    let gold: HashSet<_> = gold.standing.iter().copied().collect();
    for branch in active.iter().filter(|row| row.is_regular()) {
        let state = if gold.contains(&branch.id) || brands.dice.percent(42) {
            BrandState::Published
        } else {
            match brands.dice.below(20) {
                0..=2 => BrandState::Draft,
                3..=4 => BrandState::Submitted,
                _ => continue,
            }
        };
        if state != BrandState::Published {
            brands.push(branch, state, None);
            continue;
        }
        let founded = branch.founded_on.max(date(2019, 1, 1));
        // A branch that was to become gold had its brand before the selection.
        let until = if gold.contains(&branch.id) {
            date(2022, 4, 29)
        } else {
            date(2022, 12, 20)
        };
        let published = brands.dice.day(plus_days(founded, 10).min(until), until);
        // It took the place of an earlier one, or is being rewritten.
        if brands.dice.percent(12) && published > plus_days(founded, 240) {
            let earlier = published
                .pred_opt()
                .unwrap_or(published)
                .min(plus_days(founded, 200));
            brands.push(branch, BrandState::Archived, Some(earlier));
        }
        brands.push(branch, BrandState::Published, Some(published));
        // The first branch is always rewriting its own, for somebody to publish.
        if branch.id.0 == 1 {
            brands.push(branch, BrandState::Submitted, None);
        } else if brands.dice.percent(8) {
            let state = if brands.dice.percent(60) {
                BrandState::Draft
            } else {
                BrandState::Submitted
            };
            brands.push(branch, state, None);
        }
    }
    for branch in ended.iter().step_by(5) {
        brands.push(
            branch,
            BrandState::Archived,
            Some(plus_days(branch.founded_on, 30).max(date(2020, 1, 6))),
        );
    }
    brands.rows
}

impl Brands {
    fn push(&mut self, branch: &BranchRow, state: BrandState, published: Option<NaiveDate>) {
        let real = match state {
            BrandState::Published => usize::try_from(branch.id.0 - 1)
                .ok()
                .and_then(|place| REAL.get(place)),
            _ => None,
        };
        let (name, slogan) = match real {
            Some(&(name, slogan)) => (name.to_owned(), slogan.to_owned()),
            None => {
                self.named += 1;
                (
                    synthetic(&brand(self.named - 1)),
                    self.dice.one(&SLOGANS).to_owned(),
                )
            }
        };
        let mut themes = THEMES.to_vec();
        self.dice.shuffle(&mut themes);
        themes.truncate(1 + self.dice.below(3));
        if branch.id.0 == 1 {
            themes = vec!["健康服务", "为民服务"];
        }
        let written = state == BrandState::Published || state == BrandState::Archived;
        let updated_on = match published {
            Some(day) => day,
            None => self.dice.day(date(2022, 11, 1), date(2022, 12, 30)),
        };
        let results = format!(
            "累计开展服务{}场，办结群众诉求{}件，党员参与率{}%。",
            self.dice.number(6, 120),
            self.dice.number(20, 900),
            self.dice.number(80, 100)
        );
        let returned = state == BrandState::Draft && self.dice.percent(35);
        let reason = self.dice.one(&RETURN_REASONS);
        let updated_at = self.dice.instant(updated_on);
        let slogan = (written || self.dice.percent(60)).then_some(slogan);
        let description = describe(branch.domain, themes.first().copied().unwrap_or_default());
        let id = BrandId(self.rows.len() as i64 + 1);
        let stories = self.stories(branch, written);
        self.rows.push(BrandRow {
            id,
            branch_id: branch.id,
            search_text: search_text(&name, slogan.as_deref(), &description),
            slogan,
            description,
            name,
            results: written.then_some(results),
            state,
            return_reason: returned.then(|| reason.to_owned()),
            published_at: published.map(|_| updated_at),
            updated_at,
            themes,
            stories,
        });
    }

    fn stories(&mut self, branch: &BranchRow, written: bool) -> Vec<StoryRow> {
        let mut kinds = STORIES.to_vec();
        self.dice.shuffle(&mut kinds);
        let count = match (branch.id.0, written) {
            (1..=4, true) => 3,
            (_, true) => self.dice.below(4),
            _ => self.dice.below(2),
        };
        kinds
            .into_iter()
            .take(count)
            .map(|(form, title)| StoryRow {
                form,
                title: title.to_owned(),
                summary: self
                    .dice
                    .percent(70)
                    .then(|| "党员带头参与，群众反响良好，经验在片区推广。".to_owned()),
                held_on: self.dice.percent(60).then(|| {
                    self.dice
                        .day(branch.founded_on.max(date(2020, 7, 1)), date(2022, 12, 20))
                }),
            })
            .collect()
    }
}

fn describe(domain: Domain, theme: &str) -> String {
    let (whom, how) = match domain {
        Domain::Rural => ("村民", "联户走访、村务公开和产业带动"),
        Domain::Community => ("居民", "网格服务、邻里议事和志愿结对"),
        Domain::Government => ("企业和群众", "流程再造、窗口帮办和下沉一线"),
        Domain::PublicInstitution => ("服务对象", "专业特长、名师名医工作室和公益课堂"),
        Domain::StateOwned => ("一线职工", "党员示范岗、技术攻关和安全巡查"),
        Domain::NonPublic => ("企业职工", "党员技改小组、职工关爱和产业链共建"),
        Domain::SocialOrg => ("困难群体", "公益项目、专业服务和资源对接"),
    };
    format!("围绕{theme}，支部以{how}为抓手，把服务做到{whom}身边，形成常态化机制。")
}
