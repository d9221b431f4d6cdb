//! Reads keys through the layers and gathers every fault on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fmt::Display,
    ops::RangeBounds,
};

use toml::de::{DeTable, DeValue};

use super::{
    Overrides,
    fault::{Fault, Faults, Origin},
    value::{Raw, Setting},
};

/// What our environment variables begin with.
const PREFIX: &str = "ZHIBU_";
/// Short names beside `ZHIBU_SECTION_KEY`.
const SHORT: [(&str, &str); 4] = [
    ("server.listen", "ZHIBU_LISTEN"),
    ("server.data_dir", "ZHIBU_DATA_DIR"),
    ("telemetry.otlp_endpoint", OTLP[0]),
    ("telemetry.otlp_headers", OTLP[1]),
];
/// What everything that exports OTLP reads (OpenTelemetry specification, Protocol Exporter).
const OTLP: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"];
/// Read elsewhere: the file's own name by the command line, the test database by the tests.
const ELSEWHERE: [&str; 2] = ["ZHIBU_CONFIG", "ZHIBU_TEST_DATABASE_URL"];
/// What Kubernetes sets in every container beside a service that is called zhibu.
const KUBERNETES: [&str; 3] = ["ZHIBU_SERVICE_HOST", "ZHIBU_SERVICE_PORT", "ZHIBU_PORT"];

pub(super) struct Reader {
    file: Vec<Entry>,
    tables: Vec<Table>,
    env: BTreeMap<String, String>,
    flags: Overrides,
    asked: BTreeSet<String>,
    faults: Vec<Fault>,
}

/// A key of the file.
struct Entry {
    /// The path of the table in which it stands.
    table: String,
    /// Its name there.
    name: String,
    path: String,
    origin: Origin,
    raw: Raw,
}

/// A table of the file.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The path of the table above it.
    above: String,
    /// Its name as it was written.
    pub name: String,
    /// Its path.
    pub path: String,
    origin: Origin,
}

impl Reader {
    pub(super) fn new(
        file: Option<(&str, &str)>,
        env: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &Overrides,
    ) -> Self {
        let mut reader = Self {
            file: Vec::new(),
            tables: Vec::new(),
            env: BTreeMap::new(),
            flags: flags.clone(),
            asked: BTreeSet::new(),
            faults: Vec::new(),
        };
        if let Some((name, text)) = file {
            reader.read_file(name, text);
        }
        for (name, value) in env {
            // A name that is not UTF-8 is none of ours.
            if let Some(name) = name
                .to_str()
                .filter(|n| n.starts_with(PREFIX) || OTLP.contains(n))
            {
                reader.read_variable(name, value);
            }
        }
        reader
    }

    fn read_file(&mut self, name: &str, text: &str) {
        // A text editor's byte order mark.
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let line_of = |at: usize| 1 + text.bytes().take(at).filter(|&b| b == b'\n').count();
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            // Its Display would print the line, and with it perhaps a password.
            let origin = Origin::File(name.to_owned(), error.span().map(|span| line_of(span.start)));
            self.faults.push(Fault::new("", origin, error.message()));
        }
        let mut tables = vec![(String::new(), table.get_ref())];
        while let Some((above, table)) = tables.pop() {
            for (key, value) in table.iter() {
                let path = join(&above, key.get_ref());
                let origin = Origin::File(name.to_owned(), Some(line_of(key.span().start)));
                if let DeValue::Table(inner) = value.get_ref() {
                    tables.push((path.clone(), inner));
                    self.tables.push(Table {
                        above: above.clone(),
                        name: key.get_ref().to_string(),
                        path,
                        origin,
                    });
                } else {
                    self.file.push(Entry {
                        table: above.clone(),
                        name: key.get_ref().to_string(),
                        path,
                        origin,
                        raw: Raw::of(value.get_ref()),
                    });
                }
            }
        }
        // The order people read in.
        self.file.sort_by_key(|entry| line(&entry.origin));
        self.tables.sort_by_key(|table| line(&table.origin));
    }

    fn read_variable(&mut self, name: &str, value: OsString) {
        match value.into_string() {
            // Set to nothing is not set: that is how a compose file unsets one.
            Ok(value) if value.trim().is_empty() => {}
            Ok(value) => {
                self.env.insert(name.to_owned(), value);
            }
            Err(_) => self
                .faults
                .push(Fault::new("", Origin::Env(name.to_owned()), "is not UTF-8")),
        }
    }

    /// The value of the highest layer that has one. `check` refuses with what the value must be.
    pub(super) fn get_checked<T: Setting>(
        &mut self,
        key: &str,
        check: impl Fn(&T) -> Result<(), String>,
    ) -> Option<T> {
        let mut found = None;
        for (origin, raw) in self.given(key) {
            let value = T::of(&raw).ok_or_else(|| format!("must be {}", T::WHAT));
            match value.and_then(|value| check(&value).map(|()| value)) {
                Ok(value) => found = Some(value),
                Err(problem) => self.faults.push(Fault::new(key, origin, problem)),
            }
        }
        found
    }

    /// The same without a further check.
    pub(super) fn get<T: Setting>(&mut self, key: &str) -> Option<T> {
        self.get_checked(key, |_| Ok(()))
    }

    /// The same with bounds; `bounds` in words is for the fault.
    pub(super) fn get_within<T: Setting + PartialOrd>(
        &mut self,
        key: &str,
        range: impl RangeBounds<T>,
        bounds: impl Display,
    ) -> Option<T> {
        self.get_checked(key, |value| {
            if range.contains(value) {
                Ok(())
            } else {
                Err(format!("must be {bounds}"))
            }
        })
    }

    /// A fault about how keys go together; it stands at the first of them that a layer gives.
    pub(super) fn fault(&mut self, keys: &[&str], problem: &str) {
        let given = keys
            .iter()
            .find_map(|key| self.given(key).pop().map(|(origin, _)| (key, origin)));
        // Defaults go together, so one of them was given.
        if let Some((key, origin)) = given {
            self.faults.push(Fault::new(key, origin, problem));
        }
    }

    /// A fault of a key that a layer may or may not give; where none does, it stands at the table nearest above.
    pub(super) fn fault_at(&mut self, key: &str, problem: impl Into<String>) {
        let origin = match self.given(key).pop() {
            Some((origin, _)) => origin,
            None => self.nearest_table(key),
        };
        self.faults.push(Fault::new(key, origin, problem));
    }

    /// How many faults there are so far.
    pub(super) fn count_faults(&self) -> usize {
        self.faults.len()
    }

    fn nearest_table(&self, key: &str) -> Origin {
        let above = self.tables.iter().filter(|table| key.starts_with(&table.path));
        let nearest = above.max_by_key(|table| table.path.len());
        // Only keys of named tables are asked for so, and those stand in the file.
        nearest.map_or(Origin::File(String::new(), None), |table| table.origin.clone())
    }

    /// Whether the file has this table.
    pub(super) fn has_table(&self, path: &str) -> bool {
        self.tables.iter().any(|table| table.path == path)
    }

    /// The tables right below one, such as the `EJIA` of `[sources.EJIA]`, in the order in which they stand.
    pub(super) fn tables_of(&self, above: &str) -> Vec<Table> {
        let below = self.tables.iter().filter(|table| table.above == above);
        below.cloned().collect()
    }

    /// The keys of a table whose names are the operator's, with their values; from the file only.
    pub(super) fn map<T: Setting>(&mut self, table: &str) -> Vec<(String, T)> {
        let keys: Vec<(String, String)> = self
            .file
            .iter()
            .filter(|entry| entry.table == table)
            .map(|entry| (entry.name.clone(), entry.path.clone()))
            .collect();
        keys.into_iter()
            .filter_map(|(name, path)| Some((name, self.get(&path)?)))
            .collect()
    }

    /// What the layers say of a key, in rising order.
    fn given(&mut self, key: &str) -> Vec<(Origin, Raw)> {
        let first = self.asked.insert(key.to_owned());
        let mut given: Vec<(Origin, Raw)> = self
            .file
            .iter()
            .filter(|entry| entry.path == key)
            .map(|entry| (entry.origin.clone(), entry.raw.clone()))
            .collect();
        let names: Vec<String> = variables(key)
            .filter(|name| self.env.contains_key(name))
            .collect();
        let values: Vec<&String> = names.iter().filter_map(|name| self.env.get(name)).collect();
        if let ([one, other], true) = (names.as_slice(), first)
            && values.first() != values.get(1)
        {
            let problem = format!("says something else than {other}; set one of them");
            self.faults
                .push(Fault::new(key, Origin::Env(one.clone()), problem));
        }
        given.extend(
            names
                .iter()
                .zip(values)
                .map(|(name, value)| (Origin::Env(name.clone()), Raw::Text(value.clone()))),
        );
        given.extend(
            self.flags
                .0
                .iter()
                .filter(|(path, ..)| *path == key)
                .map(|(_, flag, value)| (Origin::Flag(flag), Raw::Text(value.clone()))),
        );
        given
    }

    /// Every fault, those of keys that nobody asked for too.
    pub(super) fn finish(mut self) -> Result<(), Faults> {
        for entry in &self.file {
            if !self.asked.contains(&entry.path) {
                let near = nearest(&entry.path, self.asked.iter().map(String::as_str));
                self.faults
                    .push(Fault::new(&entry.path, entry.origin.clone(), unknown(near)));
            }
        }
        let mut variables_of: BTreeMap<String, usize> = BTreeMap::new();
        for name in self.asked.iter().flat_map(|key| variables(key)) {
            *variables_of.entry(name).or_default() += 1;
        }
        let variables: BTreeSet<String> = variables_of.keys().cloned().collect();
        for name in self.env.keys() {
            // Two sources whose codes differ only in what such names do not have.
            if variables_of.get(name).is_some_and(|keys| *keys > 1) {
                let origin = Origin::Env(name.clone());
                self.faults.push(Fault::new(
                    "",
                    origin,
                    "stands for several settings; use the file",
                ));
            }
            let ours = variables.contains(name) || ELSEWHERE.contains(&name.as_str());
            let kubernetes = KUBERNETES.iter().any(|k| {
                name.strip_prefix(k)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
            });
            if !ours && !kubernetes {
                let near = nearest(name, variables.iter().map(String::as_str));
                self.faults
                    .push(Fault::new("", Origin::Env(name.clone()), unknown(near)));
            }
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Faults(self.faults))
        }
    }
}

fn line(origin: &Origin) -> Option<usize> {
    match origin {
        Origin::File(_, line) => *line,
        _ => None,
    }
}

/// The path of a key in a table, as TOML writes it: a name that is not plain stands in quotes.
pub(super) fn join(table: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name = match !name.is_empty() && name.chars().all(plain) {
        true => name.to_owned(),
        false => format!("{name:?}"),
    };
    match table {
        "" => name,
        table => format!("{table}.{name}"),
    }
}

/// The environment variables of a key, the higher one last. A character that names of variables do not have is `_` there.
fn variables(key: &str) -> impl Iterator<Item = String> {
    let short = SHORT
        .iter()
        .find(|(path, _)| *path == key)
        .map(|(_, name)| (*name).to_owned());
    let name: String = key
        .chars()
        .filter(|c| *c != '"')
        .map(|c| match c.is_alphanumeric() {
            true => c.to_ascii_uppercase(),
            false => '_',
        })
        .collect();
    let long = format!("{PREFIX}{name}");
    std::iter::once(long).chain(short)
}

fn unknown(near: Option<&str>) -> String {
    match near {
        Some(near) => format!("is not a setting; did you mean {near}?"),
        None => "is not a setting".to_owned(),
    }
}

/// The setting a misspelt key comes nearest to: a key without its section, or few letters apart.
fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let mut same_end = known
        .clone()
        .filter(|key| key.rsplit('.').next() == given.rsplit('.').next() && *key != given);
    if let (Some(only), None) = (same_end.next(), same_end.next()) {
        return Some(only);
    }
    known
        .map(|key| (strsim::damerau_levenshtein(given, key), key))
        .min()
        .filter(|&(distance, _)| distance <= 3)
        .map(|(_, key)| key)
}
