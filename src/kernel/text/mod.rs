//! Text as people give it: taken in, matched and searched.
//!
//! What is shown stays as it was given, but for white space around it; what is compared is normalized
//! (Unicode NFKC, no white space or invisible characters). Free text never carries a person's numbers.

mod normalize;
mod search;
mod sensitive;

pub use normalize::{
    ITEM_CODE_LIMIT, NAME_LIMIT, PROSE_LIMIT, code, fold, is_item_code, line, matching_key, name, prose,
};
pub use search::{like_pattern, search_pattern, search_term, search_text};
pub use sensitive::{SensitiveKind, find_sensitive, mask};

use super::{message::Message, refusal::Refusal};

/// Why a text cannot be taken; an INVALID_INPUT at its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("the text is empty")]
    Empty,
    /// More characters (Unicode scalar values) than the field holds.
    #[error("the text has {given} characters, at most {limit} are taken")]
    TooLong {
        /// How many the field holds.
        limit: usize,
        /// How many there were.
        given: usize,
    },
    /// U+0000, another control character, or one that turns the direction of writing.
    #[error("the text holds a control character")]
    ControlCharacter,
    /// A character that codes do not have.
    #[error("a code cannot hold {0:?}")]
    NotInCodes(char),
    /// A person's number, which no free text may carry (《个人信息保护法》第二十八条).
    #[error("the text holds a person's number ({0:?})")]
    Sensitive(SensitiveKind),
}

impl TextError {
    /// The reason in words; it never repeats the text.
    pub fn message(self) -> Message {
        match self {
            Self::Empty => Message::new("不能为空", "Must not be empty"),
            Self::TooLong { limit, given } => Message::new(
                format!("最多 {limit} 个字符，现有 {given} 个"),
                format!("At most {limit} characters, {given} were given"),
            ),
            Self::ControlCharacter => Message::new(
                "含有不允许的控制字符",
                "Holds a control character, which is not allowed",
            ),
            Self::NotInCodes(c) => Message::new(
                format!("代码只能由汉字、字母、数字和 - _ . / 组成，不能含有 {c:?}"),
                format!("A code consists of Chinese characters, letters, digits and - _ . /, not of {c:?}"),
            ),
            Self::Sensitive(kind) => {
                let what = kind.name();
                Message::new(
                    format!("疑似含有{}，请删除后再提交：本系统不保存个人号码", what.zh),
                    format!(
                        "Seems to hold {}: take it out, personal numbers are not kept here",
                        what.en
                    ),
                )
            }
        }
    }

    /// The reason as a refusal of the field at `path`.
    pub fn refusal(self, path: &[&str]) -> Refusal {
        Refusal::invalid(path, self.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::refusal::RefusalCode;

    #[test]
    fn a_refused_text_names_its_path_and_limit_but_not_the_number() {
        let refusal = name(&"党".repeat(201)).unwrap_err().refusal(&["name"]);
        assert_eq!(refusal.code, RefusalCode::InvalidInput);
        assert_eq!(refusal.path, ["name"]);
        assert!(refusal.message.en.contains("200") && refusal.message.zh.contains("201"));

        let message = prose("电话 13800138000", 100).unwrap_err().message();
        assert!(message.zh.contains("手机号码") && message.en.contains("mobile"));
        assert!(!format!("{message:?}").contains("138"));
    }
}
