//! Numbers of persons in free text: ID card (GB 11643), bank card, mobile.
//!
//! Membership of a Party organization is sensitive personal information (《个人信息保护法》第二十八条), so what
//! identifies a person does not get in by way of a remark. The text is read folded (NFKC), digits may be
//! grouped by spaces or hyphens, and a number ends where its digits end: a part of a longer number is none.
//! Checksums, dates and known prefixes keep document numbers, dates, office lines and amounts out.

use std::{borrow::Cow, ops::Range};

use chrono::NaiveDate;
use unicode_normalization::UnicodeNormalization;

use super::normalize::is_invisible;
use crate::kernel::message::Message;

/// What kind of number a text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SensitiveKind {
    /// 居民身份证号码.
    IdCard,
    /// 银行卡号.
    BankCard,
    /// 手机号码.
    Mobile,
}

impl SensitiveKind {
    /// Its name, to stand in a sentence.
    pub fn name(self) -> Message {
        match self {
            Self::IdCard => Message::new("身份证号码", "an ID-card number"),
            Self::BankCard => Message::new("银行卡号", "a bank-card number"),
            Self::Mobile => Message::new("手机号码", "a mobile number"),
        }
    }
}

/// The first number of a person in `text`.
pub fn find_sensitive(text: &str) -> Option<SensitiveKind> {
    let scan = Scan::of(text);
    scan.matches().next().map(|(kind, _)| kind)
}

/// `text` with the digits of every such number replaced by `*`.
pub fn mask(text: &str) -> Cow<'_, str> {
    let scan = Scan::of(text);
    let mut masked = String::new();
    let mut copied = 0;
    for (_, groups) in scan.matches() {
        // An X belongs to 17 digits only.
        let with_x = groups.iter().map(|g| g.digits.len()).sum::<usize>() == 17;
        let check = groups.last().and_then(|g| g.check_x.as_ref()).filter(|_| with_x);
        for span in groups.iter().flat_map(|g| &g.spans).chain(check) {
            // A character that folds into two digits, such as ⑩, gives its span twice.
            if span.start >= copied {
                masked.push_str(text.get(copied..span.start).unwrap_or_default());
                masked.push('*');
                copied = span.end;
            }
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(masked)
}

/// Digits without anything between them.
#[derive(Debug, Default)]
struct Group {
    digits: Vec<u8>,
    /// Where each digit stands in the text.
    spans: Vec<Range<usize>>,
    /// Where an X follows at once.
    check_x: Option<Range<usize>>,
    /// Goes on from the group before it, over a space or hyphen.
    continues: bool,
    /// Money: after a currency sign, or before 元.
    amount: bool,
}

struct Scan {
    groups: Vec<Group>,
}

/// At most so many separators stand inside one number ("138 - 0013").
const SEPARATORS: usize = 3;
/// The longest number looked for: a bank card of 19 digits.
const LONGEST: usize = 19;

impl Scan {
    fn of(text: &str) -> Self {
        let folded: Vec<(char, Range<usize>)> = text
            .char_indices()
            .filter(|&(_, c)| !is_invisible(c))
            .flat_map(|(at, c)| std::iter::once(c).nfkc().map(move |f| (f, at..at + c.len_utf8())))
            .collect();

        let mut groups: Vec<Group> = Vec::new();
        let mut at = 0;
        // Separators since the last group; None once anything else stood there.
        let mut gap: Option<usize> = None;
        while let Some((c, _)) = folded.get(at) {
            if !c.is_ascii_digit() {
                gap = match gap {
                    Some(n) if n < SEPARATORS && is_separator(*c) => Some(n + 1),
                    _ => None,
                };
                at += 1;
                continue;
            }
            let mut group = Group {
                continues: gap.is_some(),
                amount: is_after_currency(&folded, at),
                ..Group::default()
            };
            while let Some((c, span)) = folded.get(at) {
                let Some(digit) = c.to_digit(10) else { break };
                group.digits.push(digit as u8);
                group.spans.push(span.clone());
                at += 1;
            }
            if let Some(('x' | 'X', span)) = folded.get(at) {
                group.check_x = Some(span.clone());
                at += 1;
            }
            group.amount |= is_before_unit(&folded, at);
            gap = group.check_x.is_none().then_some(0);
            groups.push(group);
        }
        Self { groups }
    }

    /// Every number, first to last, with the groups it consists of; none shares a group with another.
    fn matches(&self) -> impl Iterator<Item = (SensitiveKind, &[Group])> {
        let mut from = 0;
        std::iter::from_fn(move || {
            while from < self.groups.len() {
                let rest = self.groups.get(from..).unwrap_or_default();
                if let Some((kind, groups)) = longest(rest) {
                    from += groups.len();
                    return Some((kind, groups));
                }
                from += 1;
            }
            None
        })
    }
}

fn is_separator(c: char) -> bool {
    c == ' ' || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Whether ¥ or $ precedes, perhaps with a space between.
fn is_after_currency(folded: &[(char, Range<usize>)], at: usize) -> bool {
    let mut before = folded.get(..at).unwrap_or_default().iter().rev().map(|(c, _)| *c);
    matches!(before.find(|&c| c != ' '), Some('¥' | '$'))
}

/// Whether 元 follows, perhaps after decimals. Not 万 and 亿: the one is a surname, and neither stands after
/// eleven digits.
fn is_before_unit(folded: &[(char, Range<usize>)], at: usize) -> bool {
    let mut rest = folded.iter().skip(at).map(|(c, _)| *c).peekable();
    if rest.next_if_eq(&'.').is_some() {
        while rest.next_if(char::is_ascii_digit).is_some() {}
    }
    matches!(rest.find(|&c| c != ' '), Some('元'))
}

/// The longest number that begins with the first group.
fn longest(groups: &[Group]) -> Option<(SensitiveKind, &[Group])> {
    let mut digits: Vec<u8> = Vec::new();
    let mut sizes: Vec<usize> = Vec::new();
    let mut found = None;
    for (i, group) in groups.iter().enumerate() {
        if (i > 0 && !group.continues) || digits.len() + group.digits.len() > LONGEST {
            break;
        }
        digits.extend_from_slice(&group.digits);
        sizes.push(group.digits.len());
        if group.amount && i == 0 {
            continue;
        }
        if let Some(kind) = classify(&digits, &sizes, group.check_x.is_some()) {
            found = groups.get(..=i).map(|matched| (kind, matched));
        }
    }
    found
}

fn classify(digits: &[u8], sizes: &[usize], check_x: bool) -> Option<SensitiveKind> {
    if is_mobile(digits, sizes) {
        Some(SensitiveKind::Mobile)
    } else if is_id_card(digits, sizes, check_x) {
        Some(SensitiveKind::IdCard)
    } else if is_bank_card(digits, sizes) {
        Some(SensitiveKind::BankCard)
    } else {
        None
    }
}

/// 1, then 3 to 9, then nine digits; perhaps after 86, 0086 or the trunk prefix 0; grouped as people do.
fn is_mobile(digits: &[u8], sizes: &[usize]) -> bool {
    let Some(prefix) = digits.len().checked_sub(11) else {
        return false;
    };
    let (prefix, number) = digits.split_at(prefix);
    if !matches!(number, [1, 3..=9, ..]) || !matches!(prefix, [] | [0] | [8, 6] | [0, 0, 8, 6]) {
        return false;
    }
    // The prefix stands alone or with the first group.
    let mut sizes = sizes.to_vec();
    if let Some(first) = sizes.first_mut() {
        *first = first.saturating_sub(prefix.len());
        if *first == 0 {
            sizes.remove(0);
        }
    }
    matches!(
        sizes.as_slice(),
        [11] | [3, 4, 4] | [3, 8] | [7, 4] | [3, 3, 5] | [1, 10]
    )
}

/// 18 digits with a birthday and the check character of GB 11643-1999, or 17 and an X, or the 15 of the older form.
fn is_id_card(digits: &[u8], sizes: &[usize], check_x: bool) -> bool {
    if !is_province(digits) {
        return false;
    }
    match (digits.len(), check_x) {
        (18, _) | (17, true) => {
            let birthday = number(digits, 6..10)
                .zip(number(digits, 10..12))
                .zip(number(digits, 12..14));
            let plausible = birthday.is_some_and(|((year, month), day)| {
                (1900..2100).contains(&year) && NaiveDate::from_ymd_opt(year as i32, month, day).is_some()
            });
            plausible && check_character(digits) == Some(digits.get(17).copied().unwrap_or(10))
        }
        // No check digit: only as one group or in its natural parts.
        (15, _) if matches!(sizes, [15] | [6, 6, 3]) => {
            let birthday = number(digits, 6..8)
                .zip(number(digits, 8..10))
                .zip(number(digits, 10..12));
            birthday.is_some_and(|((year, month), day)| {
                NaiveDate::from_ymd_opt(1900 + year as i32, month, day).is_some()
            })
        }
        _ => false,
    }
}

/// The first two digits of a province's division code (GB/T 2260).
fn is_province(digits: &[u8]) -> bool {
    number(digits, 0..2).is_some_and(
        |code| matches!(code, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83),
    )
}

fn number(digits: &[u8], at: Range<usize>) -> Option<u32> {
    let digits = digits.get(at)?;
    Some(digits.iter().fold(0, |n, &d| n * 10 + u32::from(d)))
}

/// ISO 7064 MOD 11-2 over the first 17 digits; 10 stands for X.
fn check_character(digits: &[u8]) -> Option<u8> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = digits.get(..17)?;
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(&d, w)| u32::from(d) * w).sum();
    u8::try_from((12 - sum % 11) % 11).ok()
}

/// 16 to 19 digits with an issuer's prefix and Luhn's check digit (ISO/IEC 7812-1), whole or in fours or so.
fn is_bank_card(digits: &[u8], sizes: &[usize]) -> bool {
    let grouped = sizes
        .split_last()
        .is_some_and(|(_, before)| before.iter().all(|&size| size >= 4));
    let issued = matches!(
        digits,
        // UnionPay, and the debit cards older than its prefix; Visa; Mastercard; JCB.
        [6, 2, ..] | [8, 1, ..] | [9, 5, 5, 8, ..] | [4, ..] | [5, 1..=5, ..] | [3, 5, 2..=8, ..]
    );
    (16..=19).contains(&digits.len()) && grouped && issued && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &d)| match (i % 2, u32::from(d)) {
            (0, d) => d,
            (_, d) if d > 4 => d * 2 - 9,
            (_, d) => d * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
#[path = "sensitive_tests.rs"]
mod tests;
