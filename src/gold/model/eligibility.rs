//! How a branch stands against the criteria (三正一负), with the figures that say so.

use serde::{Deserialize, Serialize};

use crate::kernel::message::Message;

/// How the branch stands in the campaign year's health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CheckStanding {
    /// It has none.
    None,
    /// It has not come to its outcome.
    Pending,
    /// 过关
    Pass,
    /// 未过关
    Fail,
}

impl CheckStanding {
    /// The one of a health check's outcome.
    pub fn of_outcome(outcome: &str) -> Option<Self> {
        match outcome {
            "PENDING" => Some(Self::Pending),
            "PASS" => Some(Self::Pass),
            "FAIL" => Some(Self::Fail),
            _ => None,
        }
    }
}

/// Where its points put it among the branches of its domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PointsStanding {
    /// By points of this period, as the contract writes it.
    pub period: String,
    /// Its rank; none where it takes no part.
    pub rank: Option<i64>,
    /// How many branches take part.
    pub of: i64,
    /// The best so many percent.
    pub percent: i32,
    /// The last rank that is good enough.
    pub places: i64,
}

/// Whether it has a brand of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrandStanding {
    /// Whether one is PUBLISHED.
    pub published: bool,
    /// Whether the plan asks for one.
    pub required: bool,
}

/// How a branch stands against the criteria; kept with each step as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Eligibility {
    /// The campaign's year.
    pub year: i32,
    /// 体检正向过关
    pub health_check: CheckStanding,
    /// 积分正向靠前
    pub points: PointsStanding,
    /// 形成正向品牌
    pub brand: BrandStanding,
    /// 负向情形: whether a veto is open.
    pub vetoed: bool,
}

/// One of the four criteria, with how the branch stands against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// Whether it is met, or the plan does not ask for it.
    pub met: bool,
    /// Whether it is the negative one: a veto that is not lifted.
    pub is_veto: bool,
    /// One sentence, with the figures.
    pub sentence: Message,
}

/// The last rank that is among the best `percent` of `of`: at least the first place is.
pub fn places(of: i64, percent: i32) -> i64 {
    (of.saturating_mul(i64::from(percent)) / 100).max(1)
}

impl PointsStanding {
    /// Whether it is among the best; whoever shares the last good rank is.
    pub fn is_in_top(&self) -> bool {
        self.rank.is_some_and(|rank| rank <= self.places)
    }
}

impl Eligibility {
    /// Whether every criterion is met.
    pub fn is_eligible(&self) -> bool {
        self.criteria().iter().all(|criterion| criterion.met)
    }

    /// The four criteria, in their order.
    pub fn criteria(&self) -> [Criterion; 4] {
        [self.check(), self.place(), self.own_brand(), self.negative()]
    }

    fn check(&self) -> Criterion {
        let (zh, en) = match self.health_check {
            CheckStanding::None => ("没有体检记录", "none on record"),
            CheckStanding::Pending => ("尚无结论", "no outcome yet"),
            CheckStanding::Pass => ("过关", "passed"),
            CheckStanding::Fail => ("未过关", "failed"),
        };
        let year = self.year;
        Criterion {
            met: self.health_check == CheckStanding::Pass,
            is_veto: false,
            sentence: Message::new(
                format!("{year} 年红色体检：{zh}"),
                format!("Health check of {year}: {en}"),
            ),
        }
    }

    fn place(&self) -> Criterion {
        let PointsStanding {
            period,
            of,
            percent,
            places,
            ..
        } = &self.points;
        let sentence = match self.points.rank {
            Some(rank) => Message::new(
                format!(
                    "{period} 积分：在本领域 {of} 个支部中列第 {rank} 名，须在前 {places} 名（前 {percent}%）"
                ),
                format!(
                    "Points of {period}: rank {rank} of {of} in its field, needs {places} or better (the best {percent} %)"
                ),
            ),
            None => Message::new(
                format!("{period} 积分：不参加排名"),
                format!("Points of {period}: takes no part in ranks"),
            ),
        };
        Criterion {
            met: self.points.is_in_top(),
            is_veto: false,
            sentence,
        }
    }

    fn own_brand(&self) -> Criterion {
        let BrandStanding { published, required } = self.brand;
        let sentence = match (published, required) {
            (true, _) => Message::new("支部品牌：已发布", "Brand: published"),
            (false, true) => Message::new("支部品牌：尚未发布", "Brand: none published"),
            (false, false) => Message::new(
                "支部品牌：尚未发布，本年度不作要求",
                "Brand: none published; this year asks for none",
            ),
        };
        Criterion {
            met: published || !required,
            is_veto: false,
            sentence,
        }
    }

    /// What the fact is, is not said: the branch sees only that there is one.
    fn negative(&self) -> Criterion {
        let sentence = if self.vetoed {
            Message::new("一票否决：有未解除的负向情形", "Veto: one is open")
        } else {
            Message::new("一票否决：无", "Veto: none is open")
        };
        Criterion {
            met: !self.vetoed,
            is_veto: true,
            sentence,
        }
    }
}
