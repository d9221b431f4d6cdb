//! Signed deliveries (Standard Webhooks, github.com/standard-webhooks/standard-webhooks, spec): who holds a source's key may
//! push for that source, without a token.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{
    requester::Role,
    scope::{Extent, Grant, Scope, Sources},
};
use crate::{
    kernel::{id::PointSourceId, secret::SecretBytes},
    storage::write::{Actor, WritePatience},
};

/// How far the sender's clock may be from ours, either way (Standard Webhooks: "within an allowable tolerance").
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// What a signature of the symmetric scheme begins with.
const SCHEME: &str = "v1,";

/// What a signed delivery says of itself: `webhook-id`, `webhook-timestamp` and `webhook-signature`.
#[derive(Clone, Copy, Debug)]
pub struct SignedHeaders<'a> {
    /// The delivery's own id.
    pub id: &'a str,
    /// Seconds since 1970 at which it was sent.
    pub timestamp: &'a str,
    /// Signatures, one of which must be ours, apart by spaces: while keys change there are several.
    pub signature: &'a str,
}

/// Why a signature is not taken. Which it was is for the log, not for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The source has no keys.
    #[error("the source has no webhook secrets")]
    NoSecrets,
    /// The timestamp is no number of seconds.
    #[error("webhook-timestamp is not a number of seconds")]
    Timestamp,
    /// It was signed too long ago, or later than now.
    #[error("webhook-timestamp is more than five minutes off")]
    Expired,
    /// No signature is one of ours.
    #[error("no signature of a key of the source")]
    Mismatch,
}

/// The keys of sources, by the sources' codes.
#[derive(Clone, Default)]
pub struct Webhooks(HashMap<String, Vec<SecretBytes>>);

/// Who sent a signed delivery.
pub struct SignedCaller {
    /// The right to push for the source.
    pub grant: Grant,
    /// For the audit trail.
    pub actor: Actor,
}

impl Webhooks {
    /// Each source's keys; several while one takes the place of another.
    pub fn new(sources: impl IntoIterator<Item = (String, Vec<SecretBytes>)>) -> Self {
        Self(sources.into_iter().collect())
    }

    /// What can be said before the body has been read: whether the source has keys, and the delivery was signed now.
    pub fn check_head(
        &self,
        source_code: &str,
        headers: SignedHeaders<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), SignatureError> {
        check_head(self.secrets(source_code), headers, now)
    }

    fn secrets(&self, source_code: &str) -> &[SecretBytes] {
        self.0.get(source_code).map(Vec::as_slice).unwrap_or_default()
    }

    /// The sender of a body that was signed with a key of the source.
    pub fn verify(
        &self,
        (source_code, source): (&str, PointSourceId),
        headers: SignedHeaders<'_>,
        body: &[u8],
        now: DateTime<Utc>,
        request_id: &str,
    ) -> Result<SignedCaller, SignatureError> {
        check(self.secrets(source_code), headers, body, now)?;
        Ok(SignedCaller {
            grant: Grant::new(
                Extent::Nothing,
                Scope::new(false, Extent::Nothing, Sources::One(source)),
            ),
            actor: Actor {
                subject: format!("webhook:{source_code}"),
                role: Some(Role::Adapter.as_str()),
                request_id: request_id.to_owned(),
                patience: WritePatience::Caller,
            },
        })
    }
}

fn check_head(
    secrets: &[SecretBytes],
    headers: SignedHeaders<'_>,
    now: DateTime<Utc>,
) -> Result<(), SignatureError> {
    if secrets.is_empty() {
        return Err(SignatureError::NoSecrets);
    }
    let seconds: i64 = headers.timestamp.parse().map_err(|_| SignatureError::Timestamp)?;
    let sent_at = DateTime::from_timestamp(seconds, 0).ok_or(SignatureError::Timestamp)?;
    if (now - sent_at).abs() > TOLERANCE {
        return Err(SignatureError::Expired);
    }
    Ok(())
}

fn check(
    secrets: &[SecretBytes],
    headers: SignedHeaders<'_>,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), SignatureError> {
    check_head(secrets, headers, now)?;
    let given: Vec<Vec<u8>> = headers
        .signature
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix(SCHEME)?).ok())
        .collect();
    let signed_by = |secret: &SecretBytes| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose()) else {
            return false;
        };
        for part in [
            headers.id.as_bytes(),
            b".",
            headers.timestamp.as_bytes(),
            b".",
            body,
        ] {
            mac.update(part);
        }
        // In constant time.
        given
            .iter()
            .any(|signature| mac.clone().verify_slice(signature).is_ok())
    };
    if secrets.iter().any(signed_by) {
        Ok(())
    } else {
        Err(SignatureError::Mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's own example.
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: &str = "1614265330";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn secret(text: &str) -> SecretBytes {
        SecretBytes::new(STANDARD.decode(text).unwrap())
    }

    fn checked(
        secrets: &[SecretBytes],
        timestamp: &str,
        signature: &str,
        later: i64,
    ) -> Result<(), SignatureError> {
        let headers = SignedHeaders {
            id: ID,
            timestamp,
            signature,
        };
        let now = DateTime::from_timestamp(1_614_265_330 + later, 0).unwrap();
        check(secrets, headers, BODY, now)
    }

    #[test]
    fn a_key_of_the_source_signs() {
        let ours = [secret("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), secret(SECRET)];
        assert_eq!(checked(&ours, TIMESTAMP, SIGNATURE, 0), Ok(()));
        // Among several, of which some are of other schemes.
        let several = format!("v1a,AAAA v1,AAAA {SIGNATURE} v2,x");
        assert_eq!(checked(&ours, TIMESTAMP, &several, 300), Ok(()));
        assert_eq!(checked(&ours, TIMESTAMP, SIGNATURE, -300), Ok(()));
    }

    #[test]
    fn anything_else_is_refused() {
        let ours = [secret(SECRET)];
        for (secrets, timestamp, signature, later, error) in [
            (&[][..], TIMESTAMP, SIGNATURE, 0, SignatureError::NoSecrets),
            (&ours, "yesterday", SIGNATURE, 0, SignatureError::Timestamp),
            (
                &ours,
                "99999999999999999",
                SIGNATURE,
                0,
                SignatureError::Timestamp,
            ),
            (&ours, TIMESTAMP, SIGNATURE, 301, SignatureError::Expired),
            (&ours, TIMESTAMP, SIGNATURE, -301, SignatureError::Expired),
            (&ours, TIMESTAMP, "", 0, SignatureError::Mismatch),
            (&ours, TIMESTAMP, "v1,", 0, SignatureError::Mismatch),
            (&ours, TIMESTAMP, &SIGNATURE[3..], 0, SignatureError::Mismatch),
            (&ours, "1614265331", SIGNATURE, 0, SignatureError::Mismatch),
            (
                &[secret("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")],
                TIMESTAMP,
                SIGNATURE,
                0,
                SignatureError::Mismatch,
            ),
        ] {
            assert_eq!(
                checked(secrets, timestamp, signature, later),
                Err(error),
                "{signature}"
            );
        }
    }
}
