//! Codes, names and prose, taken as they come from forms, spreadsheets and other systems.

use unicode_normalization::UnicodeNormalization;

use super::{TextError, sensitive::find_sensitive};

/// How many characters a name holds.
pub const NAME_LIMIT: usize = 200;
/// How many characters prose holds where its field sets no limit of its own.
pub const PROSE_LIMIT: usize = 4_000;
const CODE_LIMIT: usize = 64;

/// Characters that take no room and that copying out of web pages and spreadsheets brings along.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
        || turns_direction(c)
}

/// Embeddings, overrides and isolates: they make a text look like another one.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn is_padding(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

fn is_han(c: char) -> bool {
    matches!(c, '〇' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{323AF}')
}

/// A text on one line in its compatibility form: NFKC, no invisible characters, white space
/// (U+3000 and U+00A0 too) as single spaces, none around.
pub fn fold(text: &str) -> String {
    // Invisible characters go first: one between a letter and its accent would keep them apart.
    let folded: String = text.chars().filter(|&c| !is_invisible(c)).nfkc().collect();
    let mut words = folded.split_whitespace();
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    line
}

/// The key two spellings of one thing share: NFKC, lower case, neither white space nor invisible characters.
pub fn matching_key(text: &str) -> String {
    text.chars()
        .filter(|&c| !is_invisible(c))
        .nfkc()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A code of an organization, a branch or a source, normalized: full-width forms to plain ones, without
/// white space, ASCII letters in upper case, the dashes of word processors as `-`.
/// 1 to 64 letters, digits, Chinese characters and `-` `_` `.` `/`.
pub fn code(text: &str) -> Result<String, TextError> {
    let mut code = String::with_capacity(text.len().min(CODE_LIMIT));
    let mut given = 0;
    for c in text.chars().filter(|&c| !is_padding(c)).nfkc() {
        let c = match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            c => c.to_ascii_uppercase(),
        };
        if c.is_control() {
            return Err(TextError::ControlCharacter);
        }
        if !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/') || is_han(c)) {
            return Err(TextError::NotInCodes(c));
        }
        given += 1;
        if given <= CODE_LIMIT {
            code.push(c);
        }
    }
    match given {
        0 => Err(TextError::Empty),
        given if given > CODE_LIMIT => Err(TextError::TooLong {
            limit: CODE_LIMIT,
            given,
        }),
        _ => Ok(code),
    }
}

/// A name: one line of at most [`NAME_LIMIT`] characters, kept as given but for white space around it.
pub fn name(text: &str) -> Result<String, TextError> {
    line(text, NAME_LIMIT)
}

/// One line of at most `limit` characters (Unicode scalar values) without a person's number.
pub fn line(text: &str, limit: usize) -> Result<String, TextError> {
    let text = text.trim_matches(is_padding);
    check(text, limit, |c| {
        c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
    })?;
    Ok(text.to_owned())
}

/// Lines of text, at most `limit` characters in all, without a person's number; ends of lines become U+000A.
pub fn prose(text: &str, limit: usize) -> Result<String, TextError> {
    let text = text
        .trim_matches(is_padding)
        .replace("\r\n", "\n")
        .replace(['\r', '\u{85}', '\u{2028}', '\u{2029}'], "\n");
    check(&text, limit, |c| c.is_control() && c != '\n' && c != '\t')?;
    Ok(text)
}

fn check(text: &str, limit: usize, refused: impl Fn(char) -> bool) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    let given = text.chars().count();
    if given > limit {
        return Err(TextError::TooLong { limit, given });
    }
    if text.chars().any(|c| refused(c) || turns_direction(c)) {
        return Err(TextError::ControlCharacter);
    }
    match find_sensitive(text) {
        Some(kind) => Err(TextError::Sensitive(kind)),
        None => Ok(()),
    }
}

/// Characters that an item's code has at most.
pub const ITEM_CODE_LIMIT: usize = 32;

/// Whether a code could be an item's: letters, digits and hyphens.
pub fn is_item_code(code: &str) -> bool {
    !code.is_empty()
        && code.len() <= ITEM_CODE_LIMIT
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::super::SensitiveKind;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_width_or_padded_code_is_the_plain_one() {
        for given in [
            "HC-001",
            "ＨＣ－００１",
            "  hc-001\u{3000}",
            "h c - 0 0 1",
            "\u{FEFF}hc\u{200B}-001\u{A0}",
            "hc\u{2013}001",
        ] {
            assert_eq!(code(given).as_deref(), Ok("HC-001"), "{given:?}");
        }
        assert_eq!(code("海沧 １／２").as_deref(), Ok("海沧1/2"));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        assert_eq!(code(" \u{3000}\u{200B}"), Err(TextError::Empty));
        assert_eq!(code("HC\0"), Err(TextError::ControlCharacter));
        assert_eq!(code("HC;1"), Err(TextError::NotInCodes(';')));
        assert_eq!(code("HC（1）"), Err(TextError::NotInCodes('(')));
        assert_eq!(code(&"7".repeat(64)).unwrap().len(), 64);
        assert_eq!(
            code(&"7".repeat(65)),
            Err(TextError::TooLong { limit: 64, given: 65 })
        );
    }

    #[test]
    fn a_name_stays_as_given_but_for_white_space_around_it() {
        assert_eq!(
            name("\u{3000} 海沧街道（１） 党支部\n").as_deref(),
            Ok("海沧街道（１） 党支部")
        );
        assert_eq!(name(&"党".repeat(200)).unwrap().chars().count(), 200);
        assert_eq!(
            name(&"党".repeat(201)),
            Err(TextError::TooLong {
                limit: 200,
                given: 201
            })
        );
        for text in ["a\0b", "a\nb", "a\tb", "a\u{202E}b", "a\u{2028}b", "a\u{7f}b"] {
            assert_eq!(name(text), Err(TextError::ControlCharacter), "{text:?}");
        }
        assert_eq!(name("\u{FEFF}\u{3000}"), Err(TextError::Empty));
        assert_eq!(
            name("张某 13800138000"),
            Err(TextError::Sensitive(SensitiveKind::Mobile))
        );
    }

    #[test]
    fn prose_has_lines_but_no_other_control_characters() {
        assert_eq!(
            prose("一、走访\r\n二、座谈\r", 100).as_deref(),
            Ok("一、走访\n二、座谈")
        );
        assert_eq!(prose("a\0", 100), Err(TextError::ControlCharacter));
        assert_eq!(
            prose("一二三四", 3),
            Err(TextError::TooLong { limit: 3, given: 4 })
        );
    }

    #[test]
    fn two_spellings_share_a_key() {
        assert_eq!(
            matching_key(" 海沧街道（第１）\u{200B}支部 Ａ"),
            matching_key("海沧街道(第1)支部a")
        );
        assert_eq!(fold(" Ａ\u{3000}\u{A0}b\u{200B}\nc "), "A b c");
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(text in any::<String>()) {
            if let Ok(once) = code(&text) {
                prop_assert_eq!(code(&once), Ok(once));
            }
            if let Ok(once) = name(&text) {
                prop_assert_eq!(name(&once), Ok(once));
            }
            if let Ok(once) = prose(&text, PROSE_LIMIT) {
                prop_assert_eq!(prose(&once, PROSE_LIMIT), Ok(once));
            }
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
