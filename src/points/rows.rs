//! Rows out of a body that comes in pieces: lines of JSON (NDJSON), or the elements of one JSON array.
//!
//! Knows where a row ends and nothing of what it says. Holds one unfinished row, and no more.

use bytes::Bytes;

/// Bytes of a row that are read: **limit**.
pub const ROW_LIMIT: usize = 256 * 1024;

/// A row of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it says, up to [`ROW_LIMIT`].
    pub bytes: Vec<u8>,
    /// Whether that is all of it.
    pub is_whole: bool,
}

/// Why a body cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowsError {
    /// The array ended, and something follows.
    #[error("behind the array")]
    BehindArray,
    /// The body ended, and the array did not.
    #[error("array not closed")]
    NotClosed,
}

/// Takes a body apart.
#[derive(Debug, Default)]
pub struct Rows {
    form: Form,
    /// The row that has begun.
    row: Vec<u8>,
    /// It goes on beyond what is read of it.
    goes_on: bool,
    /// Brackets of an element that are open.
    depth: usize,
    in_string: bool,
    escaped: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// Nothing but white space so far.
    #[default]
    Unknown,
    Lines,
    Array,
    /// The array has ended.
    Closed,
}

impl Rows {
    /// Takes a piece of the body; hands over each row that ends in it.
    pub fn feed(&mut self, piece: &Bytes, mut row: impl FnMut(Row)) -> Result<(), RowsError> {
        let mut rest: &[u8] = piece;
        while let Some(first) = rest.first() {
            match self.form {
                Form::Unknown if first.is_ascii_whitespace() => rest = rest.get(1..).unwrap_or_default(),
                // Of a byte order mark.
                Form::Unknown if b"\xef\xbb\xbf".contains(first) => rest = rest.get(1..).unwrap_or_default(),
                Form::Unknown if *first == b'[' => {
                    self.form = Form::Array;
                    rest = rest.get(1..).unwrap_or_default();
                }
                Form::Unknown => self.form = Form::Lines,
                Form::Lines => rest = self.line(rest, &mut row),
                Form::Array => rest = self.element(rest, &mut row),
                Form::Closed if first.is_ascii_whitespace() => rest = rest.get(1..).unwrap_or_default(),
                Form::Closed => return Err(RowsError::BehindArray),
            }
        }
        Ok(())
    }

    /// The body has ended; hands over the row that has not: a last line needs no end of its own.
    pub fn end(&mut self, mut row: impl FnMut(Row)) -> Result<(), RowsError> {
        match self.form {
            Form::Array => Err(RowsError::NotClosed),
            Form::Lines => {
                self.hand_over(&mut row);
                Ok(())
            }
            Form::Unknown | Form::Closed => Ok(()),
        }
    }

    /// Whether a row has begun.
    pub fn is_within_row(&self) -> bool {
        !self.row.is_empty()
    }

    fn line<'a>(&mut self, bytes: &'a [u8], row: &mut impl FnMut(Row)) -> &'a [u8] {
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let (line, rest) = bytes.split_at(end);
                self.take(line);
                self.hand_over(row);
                rest.get(1..).unwrap_or_default()
            }
            None => {
                self.take(bytes);
                &[]
            }
        }
    }

    /// Up to the end of an element, or of the piece. Brackets within strings are text.
    fn element<'a>(&mut self, bytes: &'a [u8], row: &mut impl FnMut(Row)) -> &'a [u8] {
        for (at, byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => self.depth -= 1,
                b',' | b']' if self.depth == 0 => {
                    let (element, rest) = bytes.split_at(at);
                    self.take(element);
                    self.hand_over(row);
                    if *byte == b']' {
                        self.form = Form::Closed;
                    }
                    return rest.get(1..).unwrap_or_default();
                }
                _ => {}
            }
        }
        self.take(bytes);
        &[]
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = ROW_LIMIT - self.row.len();
        self.goes_on |= bytes.len() > room;
        self.row.extend(bytes.iter().take(room));
    }

    /// Empty lines, and the nothing of an empty array, are no rows.
    fn hand_over(&mut self, row: &mut impl FnMut(Row)) {
        let bytes = self.row.trim_ascii();
        if !bytes.is_empty() {
            row(Row {
                bytes: bytes.to_vec(),
                is_whole: !self.goes_on,
            });
        }
        self.row.clear();
        self.goes_on = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds a body in pieces of these lengths.
    fn rows(body: &[u8], lengths: &[usize]) -> (Vec<String>, Result<(), RowsError>) {
        let mut rows = Rows::default();
        let mut found = Vec::new();
        let mut rest = Bytes::copy_from_slice(body);
        let mut lengths = lengths.iter().cycle();
        let mut fed = Ok(());
        while !rest.is_empty() && fed.is_ok() {
            let piece = rest.split_to((*lengths.next().unwrap()).clamp(1, rest.len()));
            fed = rows.feed(&piece, |row| found.push(String::from_utf8(row.bytes).unwrap()));
        }
        let ended = fed.and_then(|()| rows.end(|row| found.push(String::from_utf8(row.bytes).unwrap())));
        (found, ended)
    }

    #[test]
    fn lines_and_elements_are_rows() {
        for (body, expected) in [
            ("", vec![]),
            (" \r\n ", vec![]),
            ("{\"a\":1}\n{\"b\":2}", vec!["{\"a\":1}", "{\"b\":2}"]),
            (
                "\u{feff}{\"a\":1}\r\n\r\n{\"b\":2}\r\n",
                vec!["{\"a\":1}", "{\"b\":2}"],
            ),
            ("[]", vec![]),
            (
                "\n[ {\"a\":[1,\"],}\\\"\"]} , 7 ]\n",
                vec!["{\"a\":[1,\"],}\\\"\"]}", "7"],
            ),
        ] {
            for lengths in [&[1][..], &[2, 3], &[1000]] {
                let (found, ended) = rows(body.as_bytes(), lengths);
                assert_eq!(found, expected, "{body:?}");
                assert_eq!(ended, Ok(()));
            }
        }
    }

    #[test]
    fn what_goes_wrong_keeps_the_rows_before_it() {
        for (body, count, error) in [
            ("[1,2", 1, RowsError::NotClosed),
            ("[1,2] 3", 2, RowsError::BehindArray),
            ("[1][2]", 1, RowsError::BehindArray),
        ] {
            let (found, ended) = rows(body.as_bytes(), &[1]);
            assert_eq!((found.len(), ended), (count, Err(error)), "{body}");
        }
    }

    #[test]
    fn of_a_row_without_end_the_beginning_is_kept() {
        let long = "x".repeat(ROW_LIMIT + 1);
        for body in [format!("1\n{long}\n2"), format!("[1,\"{long}\",2]")] {
            let (found, ended) = rows(body.as_bytes(), &[4096]);
            assert_eq!(ended, Ok(()));
            assert_eq!(found.len(), 3);
            assert_eq!((found[1].len(), found[2].as_str()), (ROW_LIMIT, "2"));
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            values in prop::collection::vec("[a-z\\[\\]{},\"\\\\]{0,12}", 0..8),
            array in any::<bool>(),
            lengths in prop::collection::vec(1_usize..9, 1..5),
        ) {
            let elements: Vec<String> = values.iter().map(|v| serde_json::to_string(&[v]).unwrap()).collect();
            let body = if array { format!("[{}]", elements.join(",")) } else { elements.join("\n") };
            // A first line that is an array would be taken for the array of rows.
            let body = if array { body } else { format!("0\n{body}") };
            let (found, ended) = rows(body.as_bytes(), &lengths);
            prop_assert_eq!(ended, Ok(()));
            let expected: Vec<String> = if array { elements } else { [vec!["0".to_owned()], elements].concat() };
            prop_assert_eq!(found, expected);
        }
    }
}
