//! The keys of a configuration: whose tokens and signatures are taken, and under which participants are hashed.

use std::{io, path::PathBuf};

use rand::CryptoRng;
use url::Url;

use super::{AppError, location};
use crate::{
    auth::{Issuer, IssuerSettings, JwksSource, Keys, SigningKey, VerifyingKey, Webhooks, secret_file},
    config::Config,
    kernel::clock::Clock,
    storage::Location,
    training::ParticipantKey,
};

/// The keys with which sources sign what they push.
pub(super) fn webhooks(config: &Config) -> Webhooks {
    let sources = config.sources.iter();
    Webhooks::new(sources.map(|source| (source.code.clone(), source.webhook_secrets.clone())))
}

/// The issuers whose tokens are taken. Those of the local key are taken where no key at all is configured, and in a
/// demonstration.
pub(super) fn trusted_keys(
    config: &Config,
    demo: bool,
    clock: &Clock,
    rng: &mut impl CryptoRng,
) -> Result<Keys, AppError> {
    let auth = &config.auth;
    let load = |files: &[PathBuf]| {
        let keys = files.iter().map(|file| VerifyingKey::load(file));
        keys.collect::<Result<Vec<_>, _>>()
    };
    let listed = |name: &str, url: &Option<Url>, rng: &mut _| {
        let source = url
            .as_ref()
            .map(|url| JwksSource::new(name, url.clone(), auth.jwks, clock.clone(), rng));
        let wrong = |error| AppError::Other(format!("{name}: {error}"));
        source.transpose().map_err(wrong)
    };
    let mut issuers = Vec::new();
    let mut first = load(&auth.public_key_files)?;
    let configured = !first.is_empty() || auth.jwks_url.is_some() || !auth.issuers.is_empty();
    if demo || !configured {
        first.push(SigningKey::load_or_create(&config.signing_key_file(), rng)?.verifying_key());
    }
    issuers.push(Issuer::new(
        IssuerSettings::first(&auth.issuer, &auth.audience),
        first,
        listed("auth", &auth.jwks_url, rng)?,
    ));
    for section in &auth.issuers {
        let name = section.settings.name.as_deref().unwrap_or_default();
        issuers.push(Issuer::new(
            section.settings.clone(),
            load(&section.public_key_files)?,
            listed(name, &section.jwks_url, rng)?,
        ));
    }
    let leeway = i64::try_from(auth.leeway.as_secs()).unwrap_or_default();
    Ok(Keys::of(issuers, leeway))
}

/// The key under which participants are hashed; made, readable by its owner only, where there is none.
pub fn participant_key(config: &Config, rng: &mut impl CryptoRng) -> Result<ParticipantKey, AppError> {
    let file = config.participant_key_file();
    let wrong = |problem: &dyn std::fmt::Display| AppError::Other(format!("{}: {problem}", file.display()));
    if !file.exists() {
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        match secret_file::create(&file, format!("{}\n", hex::encode(key)).as_bytes()) {
            // Another process made one in the meantime: that one counts.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(|error| wrong(&error))?,
        }
    }
    let text = std::fs::read_to_string(&file).map_err(|error| wrong(&error))?;
    let key = hex::decode(text.trim()).map_err(|error| wrong(&error))?;
    ParticipantKey::new(&key).map_err(|error| wrong(&error))
}

/// Replicas that each make a participants' key of their own would count one person several times.
pub(super) fn warn_of_own_participant_key(config: &Config) {
    if matches!(location(config), Location::Postgres(_)) && config.privacy.participant_key_file.is_none() {
        tracing::warn!(
            file = %config.participant_key_file().display(),
            "privacy.participant_key_file is not set: every replica must be given this same file"
        );
    }
}
