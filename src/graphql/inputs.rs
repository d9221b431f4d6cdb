//! Inputs that mutations of several slices share.

use async_graphql::{ID, InputObject};

/// 指定对象及所据版本 · A thing, and the version of it that was read.
#[derive(InputObject)]
pub struct VersionedInput {
    /// 对象 · Which one.
    pub id: ID,
    /// 所据版本 · The version that was read.
    pub version: i32,
}

/// 附理由的操作 · A thing, the version of it that was read, and why this is done to it.
#[derive(InputObject)]
pub struct ReasonedInput {
    /// 对象 · Which one.
    pub id: ID,
    /// 所据版本 · The version that was read.
    pub version: i32,
    /// 理由 · Why, in words; kept in the audit trail.
    pub reason: String,
}

/// The values of an enum that a filter was given, as the slice knows them and each once: a list of a hundred thousand
/// asks for no more than the enum has, and must not become as many terms of a statement.
pub fn each_once<A, B>(given: Option<Vec<A>>) -> Option<Vec<B>>
where
    B: From<A> + PartialEq,
{
    given.map(|given| {
        let mut values = Vec::new();
        for value in given.into_iter().map(B::from) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    })
}
