//! The keys of one table that goes by a name of the operator's, such as those of `[sources.EJIA.pull]`.

use std::ops::RangeBounds;

use super::{
    reader::{Reader, join},
    value::Setting,
};

/// A table, by its path.
pub(in crate::config) struct Keys<'r> {
    reader: &'r mut Reader,
    path: String,
}

impl<'r> Keys<'r> {
    pub(in crate::config) fn of(reader: &'r mut Reader, path: impl Into<String>) -> Self {
        let path = path.into();
        Self { reader, path }
    }

    /// The table of a name below this one.
    pub(in crate::config) fn table(&mut self, name: &str) -> Keys<'_> {
        let path = self.key(name);
        Keys {
            reader: self.reader,
            path,
        }
    }

    /// Whether the file has it.
    pub(in crate::config) fn is_given(&self) -> bool {
        self.reader.has_table(&self.path)
    }

    /// The path of a key.
    pub(in crate::config) fn key(&self, name: &str) -> String {
        join(&self.path, name)
    }

    pub(in crate::config) fn get<T: Setting>(&mut self, name: &str) -> Option<T> {
        self.reader.get(&self.key(name))
    }

    /// The same with bounds; `bounds` in words is for the fault.
    pub(in crate::config) fn get_within<T: Setting + PartialOrd>(
        &mut self,
        name: &str,
        range: impl RangeBounds<T>,
        bounds: &str,
    ) -> Option<T> {
        self.reader.get_within(&self.key(name), range, bounds)
    }

    /// What `read` makes of a value; the fault is what it refuses with.
    pub(in crate::config) fn read<T: Setting, U>(
        &mut self,
        name: &str,
        read: impl Fn(&T) -> Result<U, String>,
    ) -> Option<U> {
        let value = self
            .reader
            .get_checked(&self.key(name), |value| read(value).map(drop))?;
        read(&value).ok()
    }

    /// The same of a key that must be there.
    pub(in crate::config) fn required<T: Setting, U>(
        &mut self,
        name: &str,
        read: impl Fn(&T) -> Result<U, String>,
    ) -> Option<U> {
        let faults = self.reader.count_faults();
        let found = self.read(name, read);
        // A value that is wrong has its fault already.
        if found.is_none() && self.reader.count_faults() == faults {
            self.fault(name, "must be set");
        }
        found
    }

    /// All its keys, where their names are the operator's.
    pub(in crate::config) fn all<T: Setting>(&mut self) -> Vec<(String, T)> {
        self.reader.map(&self.path)
    }

    /// A fault about how keys go together; it stands at the first of them that a layer gives, as one of them is.
    pub(in crate::config) fn fault_of(&mut self, names: &[&str], problem: &str) {
        let keys: Vec<String> = names.iter().map(|name| self.key(name)).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.reader.fault(&keys, problem);
    }

    /// A fault at a key, whether it is given or not.
    pub(in crate::config) fn fault(&mut self, name: &str, problem: impl Into<String>) {
        self.reader.fault_at(&self.key(name), problem);
    }
}
