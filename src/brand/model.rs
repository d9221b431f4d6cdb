//! What a brand is, the states it goes through, and the rules of both.

use chrono::{DateTime, NaiveDate, Utc};

use crate::kernel::{
    id::{BranchId, BrandId},
    message::Message,
    names::stored_names,
    refusal::{Refusal, RefusalCode},
};

stored_names! {
    /// The contract's `BrandState`.
    BrandState {
        /// 草稿
        Draft => "DRAFT",
        /// 已提交
        Submitted => "SUBMITTED",
        /// 已发布
        Published => "PUBLISHED",
        /// 已归档
        Archived => "ARCHIVED",
    }
}

stored_names! {
    /// The contract's `StoryForm`: how a brand is told or lived.
    StoryForm {
        /// 朗诵
        Recitation => "RECITATION",
        /// 快板
        ClapperTalk => "CLAPPER_TALK",
        /// 舞台剧
        StagePlay => "STAGE_PLAY",
        /// 服务团队
        ServiceTeam => "SERVICE_TEAM",
        /// 攻关组、专班
        TaskTeam => "TASK_TEAM",
        /// 驿站、阵地
        Station => "STATION",
        /// 典型做法
        Practice => "PRACTICE",
    }
}

/// A step of a brand's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BrandStep {
    /// The branch hands its draft to the committee.
    Submit,
    /// The committee publishes it.
    Publish,
    /// The committee gives it back with a reason.
    Return,
    /// Its successor is published; nobody asks for this step by itself.
    Archive,
}

/// Every step there is: from where, by what, to where.
pub const STEPS: [(BrandState, BrandStep, BrandState); 4] = [
    (BrandState::Draft, BrandStep::Submit, BrandState::Submitted),
    (BrandState::Submitted, BrandStep::Publish, BrandState::Published),
    (BrandState::Submitted, BrandStep::Return, BrandState::Draft),
    (BrandState::Published, BrandStep::Archive, BrandState::Archived),
];

impl BrandStep {
    /// Where the step leads.
    pub fn target(self) -> BrandState {
        match self {
            BrandStep::Submit => BrandState::Submitted,
            BrandStep::Publish => BrandState::Published,
            BrandStep::Return => BrandState::Draft,
            BrandStep::Archive => BrandState::Archived,
        }
    }
}

impl BrandState {
    /// The state after a step, or INVALID_TRANSITION with the steps that a caller can ask for from here.
    pub fn after(self, step: BrandStep) -> Result<BrandState, BrandError> {
        STEPS
            .iter()
            .find(|(from, by, _)| *from == self && *by == step)
            .map(|(_, _, to)| *to)
            .ok_or(BrandError::NoSuchStep {
                from: self,
                to: step.target(),
            })
    }

    /// Where a caller can take it from here.
    pub fn allowed(self) -> Vec<&'static str> {
        STEPS
            .iter()
            .filter(|(from, by, _)| *from == self && *by != BrandStep::Archive)
            .map(|(_, _, to)| to.as_str())
            .collect()
    }
}

/// A brand as it stands; its themes and stories are read when they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    /// Its key.
    pub id: BrandId,
    /// Whose it is.
    pub branch_id: BranchId,
    /// Its name.
    pub name: String,
    /// One line that goes with the name.
    pub slogan: Option<String>,
    /// What it is about.
    pub description: String,
    /// 成效
    pub results: Option<String>,
    /// Where it stands.
    pub state: BrandState,
    /// Why it was returned the last time, until it is submitted again.
    pub return_reason: Option<String>,
    /// When it was published, by the business clock.
    pub published_at: Option<DateTime<Utc>>,
    /// Grows with every change.
    pub version: i32,
}

/// What a branch writes about its brand.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BrandContent {
    /// Its name.
    pub name: String,
    /// One line that goes with the name.
    pub slogan: Option<String>,
    /// What it is about.
    pub description: String,
    /// Themes in the order given, each once.
    pub themes: Vec<String>,
    /// 成效
    pub results: Option<String>,
    /// Stories in the order given.
    pub stories: Vec<BrandStory>,
}

/// How a brand is told or lived: one story.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BrandStory {
    /// Its form.
    #[serde(serialize_with = "form_name")]
    pub form: StoryForm,
    /// Its title.
    pub title: String,
    /// What happened, in short.
    pub summary: Option<String>,
    /// The day it was held.
    pub held_on: Option<NaiveDate>,
    /// Where it can be seen or heard; http or https.
    pub media_url: Option<String>,
}

fn form_name<S: serde::Serializer>(form: &StoryForm, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(form.as_str())
}

/// How many themes a brand has at most.
pub const MAX_THEMES: usize = 20;
/// How many stories a brand has at most.
pub const MAX_STORIES: usize = 50;
/// How many characters a link to a story has at most.
pub const MAX_URL: usize = 2048;

/// Rules of brands that a mutation can run against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrandError {
    /// The state machine has no such step.
    #[error("no step from {from:?} to {to:?}")]
    NoSuchStep {
        /// Where it stands.
        from: BrandState,
        /// Where it was to go.
        to: BrandState,
    },
    /// What lies with the committee is not edited.
    #[error("submitted brands are not edited")]
    Submitted,
    /// The branch was merged or dissolved.
    #[error("the branch has ended")]
    BranchEnded(&'static str),
    /// The brand is another branch's.
    #[error("brand of another branch")]
    OtherBranch,
    /// `id` without `version`.
    #[error("no version")]
    NoVersion,
    /// `version` without `id`.
    #[error("a version of nothing")]
    VersionOfNothing,
    /// More than [`MAX_THEMES`].
    #[error("too many themes")]
    TooManyThemes(usize),
    /// More than [`MAX_STORIES`].
    #[error("too many stories")]
    TooManyStories(usize),
    /// Not an http or https address, in the story of this place.
    #[error("no web address")]
    NoWebAddress(usize),
    /// A story held after today, in this place.
    #[error("story in the future")]
    StoryInTheFuture(usize, NaiveDate),
}

impl From<BrandError> for Refusal {
    fn from(error: BrandError) -> Self {
        match error {
            BrandError::NoSuchStep { from, to } => {
                Refusal::transition(from.as_str(), to.as_str(), &from.allowed())
            }
            BrandError::Submitted => Refusal::new(
                RefusalCode::InvalidTransition,
                &["id"],
                Message::new(
                    "品牌已提交（SUBMITTED），不能修改；当前允许：由党(工)委发布（PUBLISHED）或退回（DRAFT）",
                    "The brand is SUBMITTED and cannot be edited; allowed from here: its committee publishes it \
                     (PUBLISHED) or returns it (DRAFT)",
                ),
            ),
            BrandError::BranchEnded(field) => Refusal::rule(
                &[field],
                Message::new(
                    "党支部已合并或撤销，不能再办理品牌事项",
                    "The branch was merged or dissolved; nothing is done with its brands any more",
                ),
            ),
            BrandError::OtherBranch => Refusal::invalid(
                &["branchId"],
                Message::new("该品牌属于另一党支部", "The brand is another branch's"),
            ),
            BrandError::NoVersion => Refusal::invalid(
                &["version"],
                Message::new(
                    "修改品牌须注明所据版本",
                    "A change names the version that was read",
                ),
            ),
            BrandError::VersionOfNothing => Refusal::invalid(
                &["version"],
                Message::new(
                    "新建品牌没有版本可依据",
                    "A new brand has no version that could have been read",
                ),
            ),
            BrandError::TooManyThemes(given) => Refusal::invalid(
                &["themes"],
                Message::new(
                    format!("主题最多 {MAX_THEMES} 个，现有 {given} 个"),
                    format!("At most {MAX_THEMES} themes, {given} were given"),
                ),
            ),
            BrandError::TooManyStories(given) => Refusal::invalid(
                &["stories"],
                Message::new(
                    format!("品牌故事最多 {MAX_STORIES} 个，现有 {given} 个"),
                    format!("At most {MAX_STORIES} stories, {given} were given"),
                ),
            ),
            BrandError::NoWebAddress(place) => Refusal::invalid(
                &["stories", &place.to_string(), "mediaUrl"],
                Message::new("须为 http 或 https 网址", "Must be an http or https address"),
            ),
            BrandError::StoryInTheFuture(place, today) => Refusal::rule(
                &["stories", &place.to_string(), "heldOn"],
                Message::new(
                    format!("日期不得晚于今日（{today}）"),
                    format!("The day is after today ({today})"),
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brand_takes_only_the_steps_of_the_table() {
        use BrandState::*;
        use BrandStep::*;
        // Every state against every step; what is not named here is refused.
        let open = |state, step| match (state, step) {
            (Draft, Submit) => Some(Submitted),
            (Submitted, Publish) => Some(Published),
            (Submitted, Return) => Some(Draft),
            (Published, Archive) => Some(Archived),
            _ => None,
        };
        for &state in BrandState::ALL {
            for step in [Submit, Publish, Return, Archive] {
                let refused = BrandError::NoSuchStep {
                    from: state,
                    to: step.target(),
                };
                assert_eq!(
                    state.after(step),
                    open(state, step).ok_or(refused),
                    "{state:?} {step:?}"
                );
            }
        }
    }

    #[test]
    fn a_refused_step_names_where_it_stands_and_what_is_open() {
        let refusal = Refusal::from(BrandState::Submitted.after(BrandStep::Submit).unwrap_err());
        assert_eq!(refusal.code, RefusalCode::InvalidTransition);
        assert!(refusal.message.en.contains("PUBLISHED, DRAFT"), "{refusal:?}");
        // Archiving comes with the successor's publication; nobody can ask for it.
        assert!(BrandState::Published.allowed().is_empty());
        assert!(BrandState::Archived.allowed().is_empty());
    }

    #[test]
    fn a_refusal_about_a_story_names_its_place() {
        let refusal = Refusal::from(BrandError::NoWebAddress(3));
        assert_eq!(refusal.path, ["stories", "3", "mediaUrl"]);
        assert_eq!(refusal.code, RefusalCode::InvalidInput);
    }
}
