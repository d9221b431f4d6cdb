//! What was acknowledged beside what is there, in one form of line.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};

/// How many times as much as in the suite: `ZHIBU_TORTURE`.
pub fn times() -> usize {
    let Ok(times) = std::env::var("ZHIBU_TORTURE") else {
        return 1;
    };
    let times = times.parse().ok().filter(|times| *times > 0);
    times.expect("ZHIBU_TORTURE is a number")
}

/// A row: the name that it may have once, and its id.
pub type Row = (String, i64);

/// The rows that a query gives as `name` and `id`.
pub async fn rows(raw: &DatabaseConnection, sql: &str) -> Vec<Row> {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let rows = raw.query_all_raw(statement).await.unwrap();
    let cells = rows
        .iter()
        .map(|row| (row.try_get("", "name").unwrap(), row.try_get("", "id").unwrap()));
    cells.collect()
}

/// What a test came to.
#[derive(Debug, Default)]
pub struct Tally {
    acknowledged: usize,
    found: usize,
    lost: Vec<String>,
    doubled: Vec<String>,
}

impl Tally {
    /// Looks for each thing that was acknowledged, under its name and under the id that was answered where one was.
    pub fn compare<'a>(
        &mut self,
        acknowledged: impl IntoIterator<Item = (&'a str, Option<i64>)>,
        there: &[Row],
    ) {
        let mut ids: HashMap<&str, Vec<i64>> = HashMap::new();
        for (name, id) in there {
            ids.entry(name).or_default().push(*id);
        }
        for (name, id) in acknowledged {
            self.acknowledged += 1;
            match ids.get(name) {
                Some(there) if id.is_none_or(|id| there.contains(&id)) => self.found += 1,
                Some(there) => self
                    .lost
                    .push(format!("{name} as {id:?}, there is one as {there:?}")),
                None => self.lost.push(name.to_owned()),
            }
        }
        let twice = ids.iter().filter(|(_, ids)| ids.len() > 1);
        self.doubled
            .extend(twice.map(|(name, ids)| format!("{name} as {ids:?}")));
    }

    /// Prints it, with what else is to be told, and fails the test where anything is lost or doubled.
    pub fn close(self, what: &str, more: &str) {
        let Self {
            acknowledged,
            found,
            lost,
            doubled,
        } = self;
        let more = if more.is_empty() {
            String::new()
        } else {
            format!("; {more}")
        };
        eprintln!(
            "{what}: acknowledged {acknowledged}, found {found}, lost {}, doubled {}{more}",
            lost.len(),
            doubled.len()
        );
        assert!(acknowledged > 0, "{what}: nothing was acknowledged");
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        assert!(doubled.is_empty(), "doubled: {doubled:?}");
        assert_eq!(found, acknowledged);
    }
}

#[test]
fn the_checker_tells_what_is_lost_and_what_is_doubled() {
    let row = |name: &str, id| (name.to_owned(), id);
    let there = [row("a", 1), row("b", 2), row("b", 3), row("c", 4)];
    let mut tally = Tally::default();
    tally.compare(
        [("a", Some(1)), ("b", Some(3)), ("c", Some(5)), ("d", None)],
        &there,
    );
    assert_eq!((tally.acknowledged, tally.found), (4, 2));
    assert_eq!(tally.lost, ["c as Some(5), there is one as [4]", "d"]);
    assert_eq!(tally.doubled, ["b as [2, 3]"]);
}
