//! `[sources.CODE]`: the platforms that points come from.

mod access;
mod answer;
mod pull;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Secret, keys::Keys, reader::Reader};
use crate::{
    kernel::{
        secret::SecretBytes,
        text::{self, TextError},
    },
    platform::settings::PullSettings,
    points::LOCAL,
};

/// The table of all sources.
const SOURCES: &str = "sources";
/// What webhook secrets begin with (Standard Webhooks).
const WEBHOOK_PREFIX: &str = "whsec_";
/// Bytes of a webhook secret (Standard Webhooks).
const WEBHOOK_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// `[sources.CODE]`: a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSection {
    /// Its code, normalized.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Keys that sign what it pushes; several while one takes the place of another.
    pub webhook_secrets: Vec<SecretBytes>,
    /// How it is pulled; None where it only pushes.
    pub pull: Option<PullSettings>,
}

/// Every `[sources.CODE]`, in the order of the file.
pub(super) fn read(reader: &mut Reader) -> Vec<SourceSection> {
    let mut sections: Vec<SourceSection> = Vec::new();
    for table in reader.tables_of(SOURCES) {
        let code = match text::code(&table.name) {
            Ok(code) if code == LOCAL => Err("LOCAL is the service's own source".to_owned()),
            Ok(code) if sections.iter().any(|section| section.code == code) => {
                Err(format!("there is a source {code} already"))
            }
            Ok(code) => Ok(code),
            Err(error) => Err(in_words(error)),
        };
        if let Err(problem) = &code {
            reader.fault_at(&table.path, problem.clone());
        }
        let section = section(&mut Keys::of(reader, table.path), code.unwrap_or_default());
        sections.push(section);
    }
    sections
}

fn section(keys: &mut Keys<'_>, code: String) -> SourceSection {
    let name = keys.required("name", |name: &String| text::name(name).map_err(in_words));
    let webhook_secrets = keys.read("webhook_secrets", |secrets: &Vec<Secret>| {
        secrets.iter().map(webhook_secret).collect::<Result<Vec<_>, _>>()
    });
    let mut pull = keys.table("pull");
    let pull = match pull.is_given() {
        true => pull::read(&mut pull),
        false => None,
    };
    SourceSection {
        code,
        name: name.unwrap_or_default(),
        webhook_secrets: webhook_secrets.unwrap_or_default(),
        pull,
    }
}

fn webhook_secret(secret: &Secret) -> Result<SecretBytes, String> {
    let encoded = secret.expose().strip_prefix(WEBHOOK_PREFIX);
    let bytes = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
    match bytes {
        Some(bytes) if WEBHOOK_BYTES.contains(&bytes.len()) => Ok(SecretBytes::new(bytes)),
        _ => Err("must be \"whsec_\" and the base64 of 24 to 64 bytes, each".to_owned()),
    }
}

fn in_words(error: TextError) -> String {
    error.message().en.into_owned()
}

#[cfg(test)]
mod tests;
