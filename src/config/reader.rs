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
const SHORT: [(&str, &str); 2] = [
    ("server.listen", "ZHIBU_LISTEN"),
    ("server.data_dir", "ZHIBU_DATA_DIR"),
];
/// Read elsewhere: the file's own name by the command line, the test database by the tests.
const ELSEWHERE: [&str; 2] = ["ZHIBU_CONFIG", "ZHIBU_TEST_DATABASE_URL"];
/// What Kubernetes sets in every container beside a service that is called zhibu.
const KUBERNETES: [&str; 3] = ["ZHIBU_SERVICE_HOST", "ZHIBU_SERVICE_PORT", "ZHIBU_PORT"];

pub(super) struct Reader {
    file: Vec<(String, Origin, Raw)>,
    env: BTreeMap<String, String>,
    flags: Overrides,
    asked: BTreeSet<&'static str>,
    faults: Vec<Fault>,
}

impl Reader {
    pub(super) fn new(
        file: Option<(&str, &str)>,
        env: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &Overrides,
    ) -> Self {
        let mut reader = Self {
            file: Vec::new(),
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
            if let Some(name) = name.to_str().filter(|n| n.starts_with(PREFIX)) {
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
        while let Some((prefix, table)) = tables.pop() {
            for (key, value) in table.iter() {
                let path = match prefix.as_str() {
                    "" => key.get_ref().to_string(),
                    prefix => format!("{prefix}.{}", key.get_ref()),
                };
                if let DeValue::Table(inner) = value.get_ref() {
                    tables.push((path, inner));
                } else {
                    let origin = Origin::File(name.to_owned(), Some(line_of(key.span().start)));
                    self.file.push((path, origin, Raw::of(value.get_ref())));
                }
            }
        }
        // The order people read in.
        self.file.sort_by_key(|(_, origin, _)| match origin {
            Origin::File(_, line) => *line,
            _ => None,
        });
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
        key: &'static str,
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
    pub(super) fn get<T: Setting>(&mut self, key: &'static str) -> Option<T> {
        self.get_checked(key, |_| Ok(()))
    }

    /// The same with bounds; `bounds` in words is for the fault.
    pub(super) fn get_within<T: Setting + PartialOrd>(
        &mut self,
        key: &'static str,
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
    pub(super) fn fault(&mut self, keys: &[&'static str], problem: &str) {
        let given = keys
            .iter()
            .find_map(|key| self.given(key).pop().map(|(origin, _)| (key, origin)));
        // Defaults go together, so one of them was given.
        if let Some((key, origin)) = given {
            self.faults.push(Fault::new(key, origin, problem));
        }
    }

    /// What the layers say of a key, in rising order.
    fn given(&mut self, key: &'static str) -> Vec<(Origin, Raw)> {
        let first = self.asked.insert(key);
        let mut given: Vec<(Origin, Raw)> = self
            .file
            .iter()
            .filter(|(path, ..)| path == key)
            .map(|(_, origin, raw)| (origin.clone(), raw.clone()))
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
        for (path, origin, _) in &self.file {
            if !self.asked.contains(path.as_str()) {
                let near = nearest(path, self.asked.iter().copied());
                self.faults.push(Fault::new(path, origin.clone(), unknown(near)));
            }
        }
        let variables: BTreeSet<String> = self.asked.iter().flat_map(|key| variables(key)).collect();
        for name in self.env.keys() {
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

/// The environment variables of a key, the higher one last.
fn variables(key: &str) -> impl Iterator<Item = String> {
    let short = SHORT
        .iter()
        .find(|(path, _)| *path == key)
        .map(|(_, name)| (*name).to_owned());
    let long = format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase());
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
