//! Search by part of a name, by code and by the initials of the name's pinyin.
//!
//! The text a row is found by is stored with it; a term is normalized in the same way and looked for in it
//! with `LIKE`, which both databases have.

use pinyin::{ToPinyin, ToPinyinMulti};

use super::normalize::{PROSE_LIMIT, matching_key};

/// How many spellings of a name's initials are stored. Two readings of a character double them; what is
/// typed rarely spans more than one such character, so each reading gets a spelling before any two do.
const SPELLINGS: usize = 16;

/// Between the parts: white space, which no normalized term holds, so that none spans two parts.
const SEPARATOR: char = '\n';

/// What a row named `name` with the code `code` is found by; stored with the row.
pub fn search_text(name: &str, code: &str) -> String {
    let name = matching_key(name);
    let mut text = format!("{name}{SEPARATOR}{}", matching_key(code));
    for spelling in initials(&name) {
        text.push(SEPARATOR);
        text.push_str(&spelling);
    }
    text
}

/// What a person typed, in the form of [`search_text`]. Empty when nothing visible was typed.
pub fn search_term(typed: &str) -> String {
    matching_key(typed)
}

/// How many bytes a term has at most: the longest prose in Chinese. SQLite refuses patterns above 50,000.
const TERM_LIMIT: usize = 3 * PROSE_LIMIT;

/// The pattern that finds what a person typed in a [`search_text`]; everything when nothing visible was typed. None
/// where it can be in no text: longer than any term, or holding U+0000, which PostgreSQL does not even take.
pub fn search_pattern(typed: &str) -> Option<String> {
    let term = search_term(typed);
    (term.len() <= TERM_LIMIT && !term.contains('\0')).then(|| like_pattern(&term))
}

/// The pattern for `LIKE … ESCAPE '\'` that finds `term` anywhere, its `%`, `_` and `\` meaning themselves.
pub fn like_pattern(term: &str) -> String {
    let mut pattern = String::with_capacity(term.len() + 2);
    pattern.push('%');
    for c in term.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// The letters a character's readings begin with, the most common first; ASCII letters and digits are
/// their own, punctuation has none.
fn letters(c: char) -> Vec<char> {
    if c.is_ascii_alphanumeric() {
        return vec![c];
    }
    let first = |reading: pinyin::Pinyin| reading.plain().chars().next();
    let mut letters: Vec<char> = c.to_pinyin().and_then(first).into_iter().collect();
    if let Some(readings) = c.to_pinyin_multi() {
        for letter in readings.into_iter().filter_map(first) {
            if !letters.contains(&letter) {
                letters.push(letter);
            }
        }
    }
    letters
}

/// The spellings of a name's initials: the common readings, then each with one character read otherwise,
/// then with two, at most [`SPELLINGS`] in all.
fn initials(name: &str) -> Vec<String> {
    let readings: Vec<Vec<char>> = name.chars().map(letters).filter(|l| !l.is_empty()).collect();
    let common: Vec<char> = readings.iter().filter_map(|l| l.first().copied()).collect();
    if common.is_empty() {
        return Vec::new();
    }
    // (place, letter) of every other reading; second readings of all characters before third ones.
    let most = readings.iter().map(Vec::len).max().unwrap_or_default();
    let others: Vec<(usize, char)> = (1..most)
        .flat_map(|rank| {
            readings
                .iter()
                .enumerate()
                .filter_map(move |(place, l)| l.get(rank).map(|&letter| (place, letter)))
        })
        .collect();
    let spell = |changes: &[(usize, char)]| -> String {
        common
            .iter()
            .enumerate()
            .map(|(place, &letter)| {
                let other = changes.iter().find(|(at, _)| *at == place);
                other.map_or(letter, |&(_, other)| other)
            })
            .collect()
    };
    let pairs = others.iter().enumerate().flat_map(|(i, a)| {
        others
            .iter()
            .skip(i + 1)
            .filter(move |b| b.0 != a.0)
            .map(move |b| vec![*a, *b])
    });
    std::iter::once(Vec::new())
        .chain(others.iter().map(|&other| vec![other]))
        .chain(pairs)
        .take(SPELLINGS)
        .map(|changes| spell(&changes))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finds(typed: &str, name: &str, code: &str) -> bool {
        search_text(name, code).contains(&search_term(typed))
    }

    #[test]
    fn a_branch_is_found_by_part_of_its_name_its_code_or_its_initials() {
        let (name, code) = ("海沧街道 海虹社区第１党支部（演示）", "HC-0101");
        for typed in [
            "海虹",
            "海 虹",
            "第1党支部",
            "第１",
            "(演示)",
            "（演示）",
            "hc-01",
            "ＨＣ－０１",
            "hcjd",
            "HCJD",
            "hhsqd1dzb",
        ] {
            assert!(finds(typed, name, code), "{typed}");
        }
        for typed in ["xlsq", "海沧街道hc", "hc-0102", "%", "_"] {
            assert!(!finds(typed, name, code), "{typed}");
        }
    }

    #[test]
    fn a_character_with_two_readings_is_found_by_either() {
        assert!(finds("xm", "厦门市", "1") && finds("sm", "厦门市", "1"));
        assert!(finds("xms", "中国银行厦门市海沧支行", "1"));
        assert!(finds("zgyh", "中国银行厦门市海沧支行", "1"));
        assert!(finds("cqs", "重庆市", "1"));
        assert!(finds("cpx", "长坡乡", "1"));
    }

    #[test]
    fn the_spellings_of_a_long_name_are_bounded_and_begin_with_the_common_ones() {
        let name = "厦".repeat(200);
        let spellings = initials(&name);
        assert_eq!(spellings.len(), SPELLINGS);
        let common = letters('厦')[0];
        assert!(spellings[0].chars().all(|c| c == common));
    }

    #[test]
    fn wildcards_mean_themselves() {
        assert_eq!(like_pattern(r"100%_\党"), r"%100\%\_\\党%");
        assert_eq!(like_pattern(""), "%%");
    }

    proptest! {
        #[test]
        fn every_part_of_a_name_finds_it(name in "[a-zA-Z0-9 海沧街道厦门支部（）第一]{1,40}", from in 0usize..40, len in 1usize..10) {
            let part: String = name.chars().skip(from).take(len).collect();
            prop_assert!(finds(&part, &name, "X1"));
        }

        #[test]
        fn no_term_spans_name_and_code(typed in any::<String>()) {
            prop_assert!(!search_term(&typed).contains(SEPARATOR));
        }
    }
}
