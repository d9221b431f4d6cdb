use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    },
};
use jsonwebtoken::EncodingKey;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A key as a set has it; without `alg`.
fn jwk(key: &EncodingKey, algorithm: Algorithm) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_algorithm = None;
    serde_json::to_value(jwk).unwrap()
}

fn ed25519() -> Value {
    let pair = Ed25519KeyPair::generate().unwrap();
    let key = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
    jwk(&key, Algorithm::EdDSA)
}

fn p256() -> Value {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    jwk(
        &EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref()),
        Algorithm::ES256,
    )
}

fn p384() -> Value {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    jwk(
        &EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref()),
        Algorithm::ES384,
    )
}

fn rsa() -> Value {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let pem = pem::encode(&pem::Pem::new("PRIVATE KEY", private.as_ref()));
    jwk(
        &EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
        Algorithm::RS256,
    )
}

fn with(mut key: Value, name: &str, value: Value) -> Value {
    key[name] = value;
    key
}

fn read(keys: &[Value]) -> Result<KeySet, FetchFault> {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
}

#[test]
fn a_key_fixes_its_algorithm() {
    let keys = [ed25519(), p256(), rsa()];
    let algorithms = |set: KeySet| set.keys.iter().map(|key| key.key.algorithm).collect::<Vec<_>>();
    let three = [Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256];
    assert_eq!(algorithms(read(&keys).unwrap()), three);
    let named = keys.iter().zip(["EdDSA", "ES256", "RS256"]).map(|(key, alg)| {
        let key = with(key.clone(), "alg", json!(alg));
        let key = with(key, "use", json!("sig"));
        with(with(key, "key_ops", json!(["verify"])), "kid", json!("one"))
    });
    let named = read(&named.collect::<Vec<_>>()).unwrap();
    // All three go by one name.
    assert!(named.keys.iter().all(|key| key.key.kid.as_deref() == Some("one")));
    assert_eq!(algorithms(named), three);
    let modulus = URL_SAFE_NO_PAD.decode(keys[2]["n"].as_str().unwrap()).unwrap();
    let zero = URL_SAFE_NO_PAD.encode([vec![0], modulus].concat());
    assert!(read(&[with(keys[2].clone(), "n", json!(zero))]).is_ok());
}

#[test]
fn what_cannot_be_used_is_passed_over_and_said() {
    let good = p256();
    let half = URL_SAFE_NO_PAD.encode([0xff; 128]);
    let (x, even) = (good["x"].clone(), URL_SAFE_NO_PAD.encode([0xfe; 256]));
    let bad = [
        (
            with(good.clone(), "use", json!("enc")),
            "not for signatures (use)",
        ),
        (
            with(good.clone(), "key_ops", json!(["sign"])),
            "not to verify (key_ops)",
        ),
        (
            with(good.clone(), "alg", json!("RS256")),
            "of another algorithm (alg)",
        ),
        (
            with(rsa(), "alg", json!("RSA-OAEP")),
            "of another algorithm (alg)",
        ),
        (with(rsa(), "alg", json!("PS256")), "of another algorithm (alg)"),
        (with(good.clone(), "y", x.clone()), "broken"),
        (with(ed25519(), "x", json!("AAAA")), "broken"),
        (with(ed25519(), "x", json!("no base64!")), "broken"),
        (with(rsa(), "n", json!(even)), "broken"),
        (with(rsa(), "e", json!("AQ")), "broken"),
        (
            with(rsa(), "n", json!(half)),
            "RSA with less than 2048 bits, or more than 8192",
        ),
        (
            with(with(rsa(), "n", json!(half)), "use", json!("enc")),
            "not for signatures (use)",
        ),
        (
            with(with(rsa(), "n", json!(half)), "key_ops", json!(["encrypt"])),
            "not to verify (key_ops)",
        ),
        (p384(), "of another kind"),
        (with(ed25519(), "crv", json!("X25519")), "of another kind"),
        (json!({ "kty": "new" }), "of another kind"),
        (json!("no key"), "of another kind"),
        (
            json!({ "kty": "oct", "k": "c2VjcmV0" }),
            "holds a secret: whoever reads the set can sign",
        ),
        (
            with(good.clone(), "d", x),
            "holds a secret: whoever reads the set can sign",
        ),
    ];
    for (key, reason) in bad {
        assert_eq!(
            read(std::slice::from_ref(&key)).unwrap_err(),
            FetchFault::NoUsableKey,
            "{key}"
        );
        let set = read(&[key.clone(), good.clone()]).unwrap();
        assert_eq!(set.keys.len(), 1, "{key}");
        assert_eq!(set.skipped, BTreeMap::from([(reason, 1)]), "{key}");
    }
    assert_eq!(read(&[]).unwrap_err(), FetchFault::NoUsableKey);
    assert_eq!(read(&vec![good; 65]).unwrap_err(), FetchFault::TooManyKeys);
    for text in ["", "[]", "{}", "<html>", r#"{"keys":{}}"#, "{\"keys\":[}"] {
        assert_eq!(
            KeySet::read(text.as_bytes()).unwrap_err(),
            FetchFault::NotASet,
            "{text}"
        );
    }
}

#[test]
fn a_key_has_one_thumbprint_whatever_it_is_called() {
    let key = ed25519();
    let (one, other) = (with(key.clone(), "kid", json!("1")), with(key, "kid", json!("2")));
    let set = read(&[one, other, ed25519()]).unwrap();
    assert_eq!(set.keys[0].thumbprint, set.keys[1].thumbprint);
    assert_ne!(set.keys[0].thumbprint, set.keys[2].thumbprint);
    // RFC 7638, 3.1.
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3\
             oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA\
             ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-\
             kEgU8awapJzKnqDKgw";
    let rsa = json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" });
    let set = read(&[rsa]).unwrap();
    assert_eq!(
        &*set.keys[0].thumbprint,
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
}

proptest! {
    /// Whatever a provider says, it is a set or a fault.
    #[test]
    fn nothing_that_is_read_ends_the_process(text in prop::collection::vec(any::<u8>(), 0..200), kty in "RSA|EC|OKP|oct", n in "[A-Za-z0-9_-]{0,400}") {
        let _ = KeySet::read(&text);
        let key = json!({ "kty": kty, "crv": "P-256", "n": n, "e": n, "x": n, "y": n });
        let _ = read(&[key]);
    }
}
