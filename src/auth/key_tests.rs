use std::{process::Command, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::super::{AuthError, Keys, MintError, Role, TokenError, TokenOrder};
use super::*;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(20_200_701)
}

fn now() -> DateTime<Utc> {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

fn order(role: Role) -> TokenOrder {
    TokenOrder {
        role,
        subject: None,
        organization: None,
        branch: None,
        source: None,
        ttl: Duration::from_secs(8 * 3600),
    }
}

fn keys(key: VerifyingKey) -> Keys {
    Keys::new(vec![key], "zhibu", "zhibu", 0)
}

#[tokio::test]
async fn a_minted_token_is_taken_until_it_ends() {
    let key = SigningKey::generate(&mut rng()).unwrap();
    let order = TokenOrder {
        organization: Some(" ｈｃ－０１".to_owned()),
        ..order(Role::CommitteeOfficer)
    };
    let token = key.mint(&order, "zhibu", "zhibu", now(), &mut rng()).unwrap();

    let header: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(
        header,
        serde_json::json!({"typ": "JWT", "alg": "EdDSA", "kid": key.kid()})
    );
    assert_eq!(key.kid().len(), 16);

    let ends = now() + TimeDelta::hours(8);
    for keys in [
        keys(key.verifying_key()),
        keys(VerifyingKey::from_pem(&key.public_key_pem()).unwrap()),
    ] {
        let verified = keys.verify(&token, now()).await.unwrap();
        let principal = &verified.principal;
        assert_eq!(principal.role, Role::CommitteeOfficer);
        assert_eq!(principal.organization.as_deref(), Some("HC-01"));
        assert_eq!(verified.ends(), ends.timestamp());
        let subject = &principal.subject;
        assert!(subject.len() == 32 && subject.bytes().all(|b| b.is_ascii_lowercase()));
        let second = TimeDelta::seconds(1);
        assert!(keys.verify(&token, ends - second).await.is_ok());
        for wrong in [ends, now() - second] {
            assert!(matches!(
                keys.verify(&token, wrong).await,
                Err(AuthError::Token(TokenError::Expired))
            ));
        }
    }
    let other = SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    assert!(keys(other.verifying_key()).verify(&token, now()).await.is_err());
}

#[test]
fn every_role_says_which_codes_it_needs_and_takes() {
    // Role, then --org, --branch, --source: needed, taken or refused.
    for (role, demands) in [
        (Role::DistrictAdmin, "---"),
        (Role::CommitteeOfficer, "n--"),
        (Role::Examiner, "-n-"),
        (Role::BranchOfficer, "-n-"),
        (Role::Viewer, "t--"),
        (Role::Adapter, "--n"),
    ] {
        let demand = |option: usize| demands.as_bytes()[option];
        for given in 0..8usize {
            let code = |option: usize| (given >> option & 1 == 1).then(|| "X1".to_owned());
            let order = TokenOrder {
                organization: code(0),
                branch: code(1),
                source: code(2),
                ..order(role)
            };
            let fine = (0..3).all(|option| match (demand(option), code(option)) {
                (b'n', given) => given.is_some(),
                (b't', _) => true,
                (_, given) => given.is_none(),
            });
            let claims = order.claims("zhibu", "zhibu", now(), &mut rng());
            assert_eq!(claims.is_ok(), fine, "{order:?}");
            if let Ok(claims) = claims {
                assert_eq!(claims.role, role.as_str());
            }
        }
    }
}

#[test]
fn subjects_that_look_like_a_persons_number_and_useless_times_are_refused() {
    for subject in [
        "13800138000",
        "+86-138-0013-8000",
        "11010519491231002X",
        "u 1",
        "",
        "a\0",
    ] {
        let order = TokenOrder {
            subject: Some(subject.to_owned()),
            ..order(Role::Viewer)
        };
        let refused = order.claims("zhibu", "zhibu", now(), &mut rng());
        assert!(matches!(refused, Err(MintError::Subject)), "{subject}");
        assert!(subject.is_empty() || !refused.unwrap_err().to_string().contains(subject));
    }
    for ttl in [Duration::ZERO, Duration::from_secs(400 * 86_400)] {
        let order = TokenOrder {
            ttl,
            ..order(Role::Viewer)
        };
        assert!(matches!(
            order.claims("zhibu", "zhibu", now(), &mut rng()),
            Err(MintError::Ttl)
        ));
    }
}

#[test]
fn a_key_is_made_once_for_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("new/signing-key.pem");
    let made = SigningKey::load_or_create(&file, &mut rng()).unwrap();
    let again = SigningKey::load_or_create(&file, &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    assert_eq!(made.public_key_pem(), again.public_key_pem());
    assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let shown = format!("{made:?}");
    let secret = fs::read_to_string(&file).unwrap();
    assert!(!shown.contains(secret.lines().nth(1).unwrap()));

    fs::write(&file, "no key").unwrap();
    assert!(matches!(
        SigningKey::load_or_create(&file, &mut rng()),
        Err(KeyError::NotPem)
    ));
    assert_eq!(fs::read_to_string(&file).unwrap(), "no key");
}

/// What OpenSSL prints for its arguments, which a deployment's keys come from.
fn openssl(arguments: &[&str], input: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in.pem");
    fs::write(&file, input).unwrap();
    let mut command = Command::new("openssl");
    command.args(arguments);
    if !input.is_empty() {
        command.arg("-in").arg(&file);
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_public_key_fixes_its_algorithm() {
    let claims = order(Role::DistrictAdmin)
        .claims("zhibu", "zhibu", now(), &mut rng())
        .unwrap();
    for (generate, algorithm) in [
        (&["genpkey", "-algorithm", "ed25519"][..], Algorithm::EdDSA),
        (
            &[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ][..],
            Algorithm::ES256,
        ),
        (
            &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..],
            Algorithm::RS256,
        ),
    ] {
        let private = openssl(generate, "");
        let key = VerifyingKey::from_pem(&openssl(&["pkey", "-pubout"], &private)).unwrap();
        assert_eq!(key.algorithm, algorithm);
        let encoding = match algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_pem(private.as_bytes()),
            Algorithm::ES256 => EncodingKey::from_ec_pem(private.as_bytes()),
            _ => EncodingKey::from_rsa_pem(private.as_bytes()),
        };
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, &encoding.unwrap()).unwrap();
        keys(key).verify(&token, now()).await.unwrap();
        assert!(matches!(VerifyingKey::from_pem(&private), Err(KeyError::Private)));
        assert_eq!(
            SigningKey::from_pem(&private).is_ok(),
            algorithm == Algorithm::EdDSA
        );
    }
}

#[test]
fn weak_and_foreign_keys_are_refused() {
    for generate in [
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"][..],
        &[
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-384",
        ][..],
        &["genpkey", "-algorithm", "x25519"][..],
    ] {
        let public = openssl(&["pkey", "-pubout"], &openssl(generate, ""));
        assert!(
            matches!(VerifyingKey::from_pem(&public), Err(KeyError::Unsupported)),
            "{generate:?}"
        );
    }
    assert!(matches!(VerifyingKey::from_pem("-----"), Err(KeyError::NotPem)));
}
