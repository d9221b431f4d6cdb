//! A place in the change log.

use base64::{
    Engine as _,
    alphabet::Alphabet,
    engine::general_purpose::{GeneralPurpose, NO_PAD},
};

/// Where a row stands: rows are ordered by (incarnation, transaction id, sequence). A sequence number alone is
/// not commit order on PostgreSQL; on SQLite, with its one writer, the transaction id is always 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// The characters of base64url in the order of ASCII: in their usual order (RFC 4648) texts would not be in the order
/// of the numbers they stand for.
const ORDERED: GeneralPurpose = GeneralPurpose::new(
    &match Alphabet::new("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz") {
        Ok(alphabet) => alphabet,
        Err(_) => panic!("64 different characters"), // while compiling, never at run time
    },
    NO_PAD,
);

impl Cursor {
    /// The form clients hold: four big-endian numbers in 43 characters of base64url, ordered, so that of one log's cursors
    /// the later one is the greater text.
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
        ORDERED.encode(bytes)
    }

    /// None for what is not one of ours.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes: [u8; BYTES] = ORDERED.decode(text).ok()?.try_into().ok()?;
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
        assert_eq!(Cursor::decode("----"), None);
        assert_eq!(Cursor::decode("not base64 !"), None);
    }

    #[test]
    fn a_later_cursor_is_a_greater_text() {
        let at = |xid: i64, seq: i64| {
            let position = Position {
                incarnation: 1,
                xid,
                seq,
            };
            Cursor { nonce: 7, position }.encode()
        };
        let cursors: Vec<String> = (0..2_000).map(|n| at(n / 3, n)).collect();
        assert!(cursors.is_sorted_by(|a, b| a < b));
        assert!(at(63, 9) < at(64, 1) && at(4_095, 9) < at(4_096, 1));
    }
}
