//! The audit trail as a file: NDJSON, from which the chain can be recomputed by whoever has the file alone.
//!
//! The first line says where it begins (`format`, `after`, `link`: the link before the first entry). Then a line an entry, in
//! the chain's order: its `position`, its `link`, and every field that [`chain::link`] goes over (`at` to the
//! microsecond; `before` and `after` are JSON in a string, byte for byte as they were chained). The last line says what there
//! was (`entries`, `through`, `link`, `unsealed`), so that a file that was cut off shows. Whoever takes entries off the end
//! and writes another last line is found by a link that was kept elsewhere.

use std::io::{self, BufRead, Read as _, Write};

use chrono::{DateTime, Utc};
use entity::audit_entry;
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

use super::{
    chain::{self, Link},
    store,
};
use crate::{kernel::id::AuditEntryId, storage::StoreError};

/// What the first line calls this form; another form gets another name.
const FORMAT: &str = "zhibu-audit-1";
/// The longest line that is read, in bytes: far above what an entry comes to.
const LINE_BYTES: u64 = 16 * 1024 * 1024;

/// Why an export was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The chain does not hold.
    #[error("the chain is broken at position {0}; `zhibu verify` says more")]
    Broken(i64),
    /// There is no such position yet.
    #[error("the chain ends at position {0}")]
    Behind(i64),
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Entries.
    pub entries: u64,
    /// Position of the last one; of the one before the first where there is none.
    pub through: i64,
    /// Its link.
    pub link: Link,
    /// Entries that are not chained yet, and not in the file.
    pub unsealed: u64,
}

/// What a file that holds holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Entries.
    pub entries: u64,
    /// It begins behind this position; 0 where it begins with the first entry.
    pub after: i64,
    /// The link of that position, which the file says and nothing in it proves.
    pub begins_with: Link,
    /// Position of the last entry.
    pub through: i64,
    /// Its link.
    pub link: Link,
    /// Where the link that was asked for stands.
    pub head_at: Option<i64>,
}

/// What is wrong with a file, and where.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// The first line is another one.
    #[error("line 1 is not the beginning of an audit export")]
    NotAnExport,
    /// A line in the middle.
    #[error("line {line} cannot be read: {detail}")]
    Unreadable {
        /// Counts from 1.
        line: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// Entries were taken out.
    #[error("line {line}: position {expected} is missing, {found} stands in its place")]
    Missing {
        /// Counts from 1.
        line: u64,
        /// What should come.
        expected: i64,
        /// What comes.
        found: i64,
    },
    /// Entries stand in another order, or twice.
    #[error("line {line}: position {found} stands where {expected} should")]
    OutOfOrder {
        /// Counts from 1.
        line: u64,
        /// What should come.
        expected: i64,
        /// What comes.
        found: i64,
    },
    /// An entry's fields, or its link, are others than were chained.
    #[error("line {line}: the entry of position {position} was changed")]
    Changed {
        /// Counts from 1.
        line: u64,
        /// The entry's.
        position: i64,
    },
    /// The last line is not there.
    #[error("the file is cut off after position {0}")]
    Cut(i64),
    /// The last line says something else than what stands before it.
    #[error("line {0}: the end does not fit what stands before it")]
    OtherEnd(u64),
    /// Lines behind the last one.
    #[error("line {0} stands behind the end")]
    BehindTheEnd(u64),
    /// The link that was asked for.
    #[error("no entry of the file has the given link: it was taken off, or the chain is another one")]
    OtherHead,
    /// Reading it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beginning {
    format: String,
    after: i64,
    link: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Line {
    position: i64,
    link: String,
    id: i64,
    at: String,
    subject: String,
    role: Option<String>,
    action: String,
    node_id: Option<String>,
    request_id: String,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    entries: u64,
    through: i64,
    link: String,
    unsealed: u64,
}

/// A link as it is written: 64 hexadecimal digits.
pub fn read_link(text: &str) -> Option<Link> {
    hex::decode(text).ok()?.try_into().ok()
}

impl Line {
    fn of(position: i64, link: &Link, entry: audit_entry::Model) -> Self {
        Self {
            position,
            link: hex::encode(link),
            id: entry.id.into(),
            at: entry.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            subject: entry.subject,
            role: entry.role,
            action: entry.action,
            node_id: entry.node_id,
            request_id: entry.request_id,
            before: entry.before,
            after: entry.after,
        }
    }

    /// The row again, as far as the chain goes over it.
    fn entry(self) -> Result<audit_entry::Model, chrono::ParseError> {
        Ok(audit_entry::Model {
            id: AuditEntryId(self.id),
            xid: 0,
            at: DateTime::parse_from_rfc3339(&self.at)?.with_timezone(&Utc),
            subject: self.subject,
            role: self.role,
            action: self.action,
            node_id: self.node_id,
            request_id: self.request_id,
            before: self.before,
            after: self.after,
        })
    }
}

fn put(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Writes the entries that are chained now, from a position on, a page at a time; each is checked against the chain on its
/// way.
pub async fn write(
    connection: &impl ConnectionTrait,
    from: i64,
    out: &mut impl Write,
) -> Result<Exported, ExportError> {
    let (last, _) = store::head(connection).await?;
    let after = from - 1;
    if after > last {
        return Err(ExportError::Behind(last));
    }
    let mut exported = Exported {
        entries: 0,
        through: after,
        link: store::link_at(connection, after)
            .await?
            .ok_or(ExportError::Broken(after))?,
        unsealed: 0,
    };
    let beginning = Beginning {
        format: FORMAT.to_owned(),
        after,
        link: hex::encode(exported.link),
    };
    put(out, &beginning)?;
    while exported.through < last {
        let page = store::sealed_after(connection, exported.through).await?;
        if page.is_empty() {
            return Err(ExportError::Broken(exported.through + 1));
        }
        for (seal, entry) in page.into_iter().take_while(|(seal, _)| seal.position <= last) {
            let position = seal.position;
            let entry = entry.ok_or(ExportError::Broken(position))?;
            let link = chain::link(&exported.link, &entry);
            if position != exported.through + 1 || link[..] != seal.hash[..] {
                return Err(ExportError::Broken(position));
            }
            put(out, &Line::of(position, &link, entry))?;
            exported.entries += 1;
            exported.through = position;
            exported.link = link;
        }
    }
    exported.unsealed = store::count_unsealed(connection).await?;
    let end = End {
        entries: exported.entries,
        through: exported.through,
        link: hex::encode(exported.link),
        unsealed: exported.unsealed,
    };
    put(out, &end)?;
    out.flush()?;
    Ok(exported)
}

/// Lines with their numbers, none longer than [`LINE_BYTES`].
struct Lines<R> {
    from: R,
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The next line; None at the end.
    fn next(&mut self) -> Result<Option<&[u8]>, FileFault> {
        self.line.clear();
        let read = self
            .from
            .by_ref()
            .take(LINE_BYTES)
            .read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(&self.line))
    }
}

/// Recomputes the chain of a file, in constant memory, and looks for a link in it.
pub fn verify(from: impl BufRead, head: Option<Link>) -> Result<Held, FileFault> {
    let mut lines = Lines {
        from,
        number: 0,
        line: Vec::new(),
    };
    let first = lines.next()?.ok_or(FileFault::NotAnExport)?;
    let beginning: Beginning = serde_json::from_slice(first).map_err(|_| FileFault::NotAnExport)?;
    let begins_with = read_link(&beginning.link).ok_or(FileFault::NotAnExport)?;
    let known = beginning.format == FORMAT && (beginning.after > 0 || begins_with == chain::GENESIS);
    if !known || beginning.after < 0 {
        return Err(FileFault::NotAnExport);
    }
    let mut held = Held {
        entries: 0,
        after: beginning.after,
        begins_with,
        through: beginning.after,
        link: begins_with,
        head_at: head.filter(|head| *head == begins_with).map(|_| beginning.after),
    };
    loop {
        let Some(text) = lines.next()? else {
            return Err(FileFault::Cut(held.through));
        };
        if let Ok(end) = serde_json::from_slice::<End>(text) {
            let fits = end.entries == held.entries
                && end.through == held.through
                && read_link(&end.link) == Some(held.link);
            if !fits {
                return Err(FileFault::OtherEnd(lines.number));
            }
            break;
        }
        let cut = !text.ends_with(b"\n");
        let parsed: Result<Line, _> = serde_json::from_slice(text);
        let line = lines.number;
        let entry = match parsed {
            Ok(entry) => entry,
            Err(_) if cut => return Err(FileFault::Cut(held.through)),
            Err(error) => {
                let detail = error.to_string();
                return Err(FileFault::Unreadable { line, detail });
            }
        };
        take(&mut held, line, entry)?;
        if head == Some(held.link) {
            held.head_at = Some(held.through);
        }
    }
    if lines.next()?.is_some() {
        return Err(FileFault::BehindTheEnd(lines.number));
    }
    if head.is_some() && held.head_at.is_none() {
        return Err(FileFault::OtherHead);
    }
    Ok(held)
}

fn take(held: &mut Held, line: u64, entry: Line) -> Result<(), FileFault> {
    let (expected, found) = (held.through + 1, entry.position);
    if found > expected {
        return Err(FileFault::Missing {
            line,
            expected,
            found,
        });
    }
    if found < expected {
        return Err(FileFault::OutOfOrder {
            line,
            expected,
            found,
        });
    }
    let said = read_link(&entry.link);
    let link = match entry.entry() {
        Ok(entry) => chain::link(&held.link, &entry),
        Err(error) => {
            let detail = error.to_string();
            return Err(FileFault::Unreadable { line, detail });
        }
    };
    if said != Some(link) {
        return Err(FileFault::Changed {
            line,
            position: found,
        });
    }
    held.entries += 1;
    held.through = found;
    held.link = link;
    Ok(())
}
