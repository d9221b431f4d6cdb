//! A place in the change log.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Where a row stands: rows are ordered by (incarnation, transaction id, sequence). A sequence number alone is
/// not commit order on PostgreSQL; on SQLite, with its one writer, the transaction id is always 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Which life of the database the row was written in.
    pub incarnation: i64,
    /// PostgreSQL's transaction id (`pg_current_xact_id`).
    pub xid: i64,
    /// The row's key.
    pub seq: i64,
}

/// A position with the nonce of the log it belongs to, so that a cursor of a log that was restored from a
/// backup, or of another database, is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The log's nonce when the cursor was given.
    pub nonce: i64,
    /// The place.
    pub position: Position,
}

const BYTES: usize = 32;

impl Cursor {
    /// The form clients hold: base64url of four big-endian numbers, whose order as text is the order in the log.
    pub fn encode(self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        for number in [
            self.nonce,
            self.position.incarnation,
            self.position.xid,
            self.position.seq,
        ] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// None for what is not one of ours.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let mut numbers = bytes
            .chunks_exact(8)
            .map(|b| b.try_into().map(i64::from_be_bytes));
        let mut next = || numbers.next()?.ok();
        let nonce = next()?;
        let position = Position {
            incarnation: next()?,
            xid: next()?,
            seq: next()?,
        };
        Some(Self { nonce, position })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_given() {
        let cursor = Cursor {
            nonce: -5,
            position: Position {
                incarnation: 1,
                xid: 7,
                seq: i64::MAX,
            },
        };
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        assert_eq!(Cursor::decode("AAAA"), None);
        assert_eq!(Cursor::decode("not base64 !"), None);
    }
}
