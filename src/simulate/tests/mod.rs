//! The list in memory: what it holds, what it comes to, and that it never changes.

mod list;
mod outcome;

use std::sync::OnceLock;

use super::{Directory, List, Size, build, district as build_district};
use crate::demo::District;

fn district() -> &'static District {
    static DISTRICT: OnceLock<District> = OnceLock::new();
    DISTRICT.get_or_init(|| build_district().unwrap())
}

fn small() -> &'static List {
    static LIST: OnceLock<List> = OnceLock::new();
    LIST.get_or_init(|| build(district(), Size::Small))
}

fn directory() -> Directory {
    Directory::of(district())
}
