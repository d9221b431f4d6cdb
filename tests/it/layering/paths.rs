//! Reads the paths a source file names: its `use` trees, flattened, and the paths written out in its code.

use std::collections::BTreeMap;

/// A path with the line it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    pub segments: Vec<String>,
}

/// Every path of two or more segments, and every `use`. Comments, texts and `#[cfg(test)]` modules do not
/// count; a path that begins with an imported name is given in full.
pub fn named(text: &str) -> Vec<Named> {
    let tokens = without_test_modules(tokens(text));
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        found: Vec::new(),
        imported: BTreeMap::new(),
    };
    reader.read();
    let Reader { found, imported, .. } = reader;
    let in_full = |(named, is_use): (Named, bool)| match imported.get(&named.segments[0]) {
        // A crate's names were looked at where they were imported.
        Some(origin) if !is_use && is_inside(&origin[0]) => {
            let segments = origin.iter().chain(&named.segments[1..]).cloned().collect();
            Named {
                line: named.line,
                segments,
            }
        }
        _ => named,
    };
    found.into_iter().map(in_full).collect()
}

/// The modules that a file declares `pub`.
pub fn published(text: &str) -> Vec<String> {
    let tokens = tokens(text);
    tokens
        .windows(3)
        .filter(|window| window[0].text == "pub" && window[1].text == "mod")
        .map(|window| window[2].text.clone())
        .collect()
}

fn is_inside(root: &str) -> bool {
    matches!(root, "crate" | "self" | "super" | "zhibu")
}

#[derive(Clone, Debug)]
struct Token {
    line: usize,
    text: String,
}

/// Identifiers, `::`, and single characters; nothing of comments, texts and characters.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut tokens, mut line, mut i) = (Vec::new(), 1, 0);
    while i < chars.len() {
        let start = i;
        let c = chars[i];
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if c == '"' {
            i += 1;
            while i < chars.len() && chars[i] != '"' {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if c == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            i += if at(i + 1) == '\\' { 3 } else { 2 };
            while i < chars.len() && chars[i] != '\'' {
                i += 1;
            }
            i += 1;
        } else if c.is_alphanumeric() || c == '_' {
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            let word: String = chars[start..i].iter().collect();
            let hashes = chars[i..].iter().take_while(|&&c| c == '#').count();
            if matches!(word.as_str(), "r" | "br" | "cr") && at(i + hashes) == '"' {
                i += hashes + 1;
                let closes = |i: usize| at(i) == '"' && (1..=hashes).all(|n| at(i + n) == '#');
                while i < chars.len() && !closes(i) {
                    i += 1;
                }
                i += hashes + 1;
            } else {
                tokens.push(Token { line, text: word });
            }
        } else if c == ':' && at(i + 1) == ':' {
            i += 2;
            tokens.push(Token {
                line,
                text: "::".into(),
            });
        } else {
            i += 1;
            if !c.is_whitespace() {
                tokens.push(Token { line, text: c.into() });
            }
        }
        line += chars[start..i.min(chars.len())]
            .iter()
            .filter(|&&c| c == '\n')
            .count();
    }
    tokens
}

fn without_test_modules(tokens: Vec<Token>) -> Vec<Token> {
    const MARK: [&str; 8] = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let mut kept = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let here = &tokens[i..];
        let opens = here.len() > 9 && MARK.iter().zip(here).all(|(mark, token)| *mark == token.text);
        if opens && here[9].text == "{" {
            let mut depth = 0;
            i += 9;
            while i < tokens.len() {
                match tokens[i].text.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                i += 1;
                if depth == 0 {
                    break;
                }
            }
        } else {
            kept.push(tokens[i].clone());
            i += 1;
        }
    }
    kept
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Each with whether a `use` names it.
    found: Vec<(Named, bool)>,
    /// What a `use` calls it, and what it is.
    imported: BTreeMap<String, Vec<String>>,
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

impl Reader<'_> {
    fn text(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| &token.text)
    }

    fn read(&mut self) {
        while self.at < self.tokens.len() {
            if self.text(0) == "use" && (is_word(self.text(1)) || self.text(1) == "::") {
                self.at += 1;
                self.tree(&[]);
            } else if is_word(self.text(0)) {
                let line = self.tokens[self.at].line;
                let mut segments = vec![self.text(0).to_owned()];
                self.at += 1;
                while self.text(0) == "::" && is_word(self.text(1)) {
                    segments.push(self.text(1).to_owned());
                    self.at += 2;
                }
                if segments.len() > 1 {
                    self.found.push((Named { line, segments }, false));
                }
            } else {
                self.at += 1;
            }
        }
    }

    /// One tree of a `use`, behind what stands before it.
    fn tree(&mut self, prefix: &[String]) {
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        let mut segments = prefix.to_vec();
        loop {
            match self.text(0) {
                "::" => self.at += 1,
                "{" => {
                    self.at += 1;
                    while !matches!(self.text(0), "}" | "" | ";") {
                        self.tree(&segments);
                        if self.text(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                "*" => {
                    self.at += 1;
                    segments.push("*".into());
                }
                "as" => {
                    let name = self.text(1).to_owned();
                    self.at += 2;
                    self.imported.insert(name, segments.clone());
                    self.found.push((Named { line, segments }, true));
                    return;
                }
                "self" if !segments.is_empty() => self.at += 1,
                word if is_word(word) => {
                    let word = word.to_owned();
                    self.at += 1;
                    segments.push(word);
                }
                _ => break,
            }
        }
        if let Some(name) = segments.last() {
            self.imported.insert(name.clone(), segments.clone());
            self.found.push((Named { line, segments }, true));
        } else {
            // Nothing a `use` can begin with: leave it to the compiler, but do not stand still.
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{named, published};

    fn read(text: &str) -> Vec<String> {
        named(text)
            .into_iter()
            .map(|n| format!("{}:{}", n.line, n.segments.join("::")))
            .collect()
    }

    #[test]
    fn a_tree_is_flattened_and_an_imported_name_is_given_in_full() {
        let text = "use crate::{\n    kernel::{id::*, page},\n    branch as b,\n};\nfn f() { b::store::get(page::Page::<u8>::empty()) }\n";
        assert_eq!(
            read(text),
            [
                "2:crate::kernel::id::*",
                "2:crate::kernel::page",
                "3:crate::branch",
                "5:crate::branch::store::get",
                "5:crate::kernel::page::Page",
            ]
        );
    }

    #[test]
    fn comments_texts_and_test_modules_name_nothing() {
        let text = r##"
// use crate::gold;
/* a /* nested */ crate::gold::x */
const A: &str = "crate::gold::x \" crate::gold::y";
const B: &str = r#"crate::gold::"x""#;
const C: char = '"'; const D: char = '\'';
fn f<'a>(x: &'a str) -> entity::branch::Model { todo }
#[cfg(test)]
mod tests { use crate::gold::store; mod inner { } }
use super::model;
"##;
        assert_eq!(read(text), ["7:entity::branch::Model", "10:super::model"]);
    }

    #[test]
    fn only_modules_declared_public_are_published() {
        assert_eq!(
            published("pub mod award;\nmod store;\npub(crate) mod model;\n"),
            ["award"]
        );
    }
}
