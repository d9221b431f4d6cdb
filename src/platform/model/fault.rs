//! What can go wrong with a platform, for the person who has to set it right.

use serde::{Deserialize, Serialize};

use crate::kernel::message::Message;

/// Why a run ended before everything was read. Kept with the run; holds no secrets, no addresses and nothing of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "SCREAMING_SNAKE_CASE")]
#[error("{}", self.message().en)]
pub enum PullFault {
    /// Nobody answered in time.
    Timeout,
    /// No connection, or one that was lost.
    Unreachable,
    /// Its name leads to an address that is not public.
    PrivateAddress,
    /// It sent us elsewhere.
    Redirected,
    /// It asks for a pause.
    TooManyRequests,
    /// Another status than 200.
    Status {
        /// Which.
        status: u16,
    },
    /// It gives no token, or takes none.
    Unauthorized,
    /// An answer larger than we take.
    TooLarge {
        /// The largest that is taken.
        bytes: u64,
    },
    /// An answer that is not JSON.
    NotJson,
    /// Something does not stand where the configuration says.
    Shape {
        /// Where.
        pointer: String,
    },
    /// It says itself that it did not go well.
    Refused {
        /// Its code.
        code: String,
        /// In its words.
        message: Option<String>,
    },
    /// Not one item of a page can be read.
    AllUnreadable {
        /// How many there are.
        items: u32,
        /// What is wrong with the first.
        detail: String,
    },
    /// No item of a page says when it was changed.
    NoPosition,
    /// It says that more follows and does not give it.
    Stuck,
    /// The database failed.
    Storage,
    /// The source was paused.
    Paused,
    /// A freeze window began.
    Frozen,
    /// The service was stopped.
    Stopped,
    /// Whoever pulled has gone, or another has taken over.
    BrokenOff,
}

impl PullFault {
    /// Whether the same request may go well a moment later.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Timeout | Self::Unreachable | Self::TooManyRequests | Self::Status { status: 500.. }
        )
    }

    /// Whether it is the platform's, so that it is left alone for a while.
    pub fn counts(&self) -> bool {
        !matches!(
            self,
            Self::Paused | Self::Frozen | Self::Stopped | Self::BrokenOff | Self::Storage
        )
    }

    /// Which it is, in one word: what figures and logs tell it by. What the platform said is not for them.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::PrivateAddress => "private_address",
            Self::Redirected => "redirected",
            Self::TooManyRequests => "too_many_requests",
            Self::Status { .. } => "status",
            Self::Unauthorized => "unauthorized",
            Self::TooLarge { .. } => "too_large",
            Self::NotJson => "not_json",
            Self::Shape { .. } => "shape",
            Self::Refused { .. } => "refused",
            Self::AllUnreadable { .. } => "all_unreadable",
            Self::NoPosition => "no_position",
            Self::Stuck => "stuck",
            Self::Storage => "storage",
            Self::Paused => "paused",
            Self::Frozen => "frozen",
            Self::Stopped => "stopped",
            Self::BrokenOff => "broken_off",
        }
    }

    /// In words.
    pub fn message(&self) -> Message {
        match self {
            Self::Timeout => Message::new("平台未在限定时间内应答", "The platform did not answer in time"),
            Self::Unreachable => Message::new(
                "无法连接平台，或连接中断",
                "The platform cannot be reached, or the connection was lost",
            ),
            Self::PrivateAddress => Message::new(
                "平台的域名指向非公网地址，配置未允许（allow_private_addresses）",
                "The platform's name leads to an address that is not public, and the configuration does not allow that \
                 (allow_private_addresses)",
            ),
            Self::Redirected => Message::new(
                "平台将请求转向别处，不予跟随",
                "The platform redirects, which is not followed",
            ),
            Self::TooManyRequests => Message::new(
                "平台要求减少请求（429）",
                "The platform asks for fewer requests (429)",
            ),
            Self::Status { status } => Message::new(
                format!("平台应答状态 {status}"),
                format!("The platform answered with status {status}"),
            ),
            Self::Unauthorized => {
                Message::new("平台拒绝我方凭据", "The platform does not take our credentials")
            }
            Self::TooLarge { bytes } => Message::new(
                format!("平台应答超过 {bytes} 字节"),
                format!("The platform's answer is larger than {bytes} bytes"),
            ),
            Self::NotJson => Message::new("平台应答不是 JSON", "The platform's answer is not JSON"),
            Self::Shape { pointer } => Message::new(
                format!("平台应答中没有所配置的 {pointer:?}"),
                format!("The platform's answer has nothing at {pointer:?}, where the configuration looks"),
            ),
            Self::Refused { code, message } => {
                let said = message.as_deref().unwrap_or_default();
                Message::new(
                    format!("平台返回代码 {code}：{said}"),
                    format!("The platform answered with code {code}: {said}"),
                )
            }
            Self::AllUnreadable { items, detail } => Message::new(
                format!("一页 {items} 条全部无法读取（已进入待处理），首条：{detail}"),
                format!(
                    "Not one of the {items} items of a page can be read (they wait in quarantine); the first: {detail}"
                ),
            ),
            Self::NoPosition => Message::new(
                "一页中没有一条能读出更新时间",
                "No item of a page says when it was updated",
            ),
            Self::Stuck => Message::new(
                "平台反复返回同一页",
                "The platform gives the same page again and again",
            ),
            Self::Storage => Message::new("数据库暂不可用", "The database was not available"),
            Self::Paused => Message::new("已暂停拉取", "The source was paused"),
            Self::Frozen => Message::new("进入冻结期", "A freeze window began"),
            Self::Stopped => Message::new("服务停止", "The service was stopped"),
            Self::BrokenOff => Message::new(
                "拉取中断，由其他进程接续",
                "Broken off: another process goes on from here",
            ),
        }
    }
}
