//! JSON pointers (RFC 6901): where something stands in a platform's answer.

use std::fmt;

/// A place in a JSON value; none of its names: the value itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

/// A text that is no pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a JSON pointer such as \"/data/list\"")]
pub struct PointerError;

impl Pointer {
    /// Reads `/data/list`; `~1` stands for a slash in a name and `~0` for a tilde.
    ///
    /// # Errors
    ///
    /// A text that neither is empty nor begins with a slash, and a tilde before anything else.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let names = text.strip_prefix('/').ok_or(PointerError)?.split('/');
        names.map(unescape).collect::<Result<_, _>>().map(Self)
    }

    /// The names of members and the numbers of items on the way, outermost first.
    pub fn steps(&self) -> &[String] {
        &self.0
    }
}

fn unescape(name: &str) -> Result<String, PointerError> {
    let mut parts = name.split('~');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (c, rest) = match (part.strip_prefix('0'), part.strip_prefix('1')) {
            (Some(rest), _) => ('~', rest),
            (_, Some(rest)) => ('/', rest),
            _ => return Err(PointerError),
        };
        text.push(c);
        text.push_str(rest);
    }
    Ok(text)
}

/// As it is written.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|name| write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_read_and_written() {
        for (text, steps) in [
            ("", vec![]),
            ("/", vec![""]),
            ("/data/list", vec!["data", "list"]),
            ("/data/0/a~1b~0c", vec!["data", "0", "a/b~c"]),
            ("/数据", vec!["数据"]),
        ] {
            let pointer = Pointer::parse(text).unwrap();
            assert_eq!(pointer.steps(), steps);
            assert_eq!(pointer.to_string(), text);
        }
        for text in ["data", " /data", "/a~2", "/a~"] {
            assert_eq!(Pointer::parse(text), Err(PointerError), "{text}");
        }
    }
}
