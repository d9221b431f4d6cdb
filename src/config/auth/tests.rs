use super::*;
use crate::config::{Config, Faults, Overrides};

fn parse(text: &str) -> Result<AuthSection, Vec<String>> {
    let config = Config::parse(Some(("zhibu.toml", text)), [], &Overrides::default());
    config
        .map(|config| config.auth)
        .map_err(|Faults(faults)| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn an_issuer_is_read_with_its_words_and_limits() {
    let auth = parse(
        r#"
[auth]
audience = "zhibu-api"
jwks_url = "http://127.0.0.1:9000/keys"
jwks_refresh = "1m"
jwks_floor = "10s"
jwks_keep = "2h"

[auth.issuers.keycloak]
issuer = "https://id.example.org/realms/district"
jwks_url = "https://id.example.org/realms/district/protocol/openid-connect/certs?x=1"
types = ["Application/AT+JWT"]
allowed_roles = ["COMMITTEE_OFFICER", "VIEWER"]

[auth.issuers.keycloak.claims]
role = "/realm_access/roles"
org = "https://zhibu.example.org/org"

[auth.issuers.keycloak.roles]
"zhibu-officer" = "COMMITTEE_OFFICER"
"支部.查看" = "VIEWER"

[auth.issuers.adapters]
issuer = "https://adapters.example.org"
audience = "points"
public_key_files = ["adapters.pem"]
"#,
    )
    .unwrap();
    assert_eq!(auth.jwks_url.unwrap().as_str(), "http://127.0.0.1:9000/keys");
    assert_eq!(
        auth.jwks,
        JwksTimes {
            refresh: MINUTE,
            floor: Duration::from_secs(10),
            keep: 2 * HOUR
        }
    );
    let [keycloak, adapters] = auth.issuers.as_slice() else {
        panic!("{:?}", auth.issuers)
    };
    let settings = &keycloak.settings;
    assert_eq!(settings.name.as_deref(), Some("keycloak"));
    assert_eq!(settings.audience, "zhibu-api");
    assert_eq!(settings.types, ["at+jwt"]);
    assert_eq!(settings.claims.role.to_string(), "/realm_access/roles");
    assert_eq!(
        settings.claims.organization.to_string(),
        "/https:~1~1zhibu.example.org~1org"
    );
    assert_eq!(settings.claims.subject, ClaimPlaces::default().subject);
    assert_eq!(settings.roles.allowed, [Role::CommitteeOfficer, Role::Viewer]);
    let words: Vec<_> = settings.roles.words.iter().collect();
    assert_eq!(
        words,
        [
            (&"zhibu-officer".to_owned(), &Role::CommitteeOfficer),
            (&"支部.查看".to_owned(), &Role::Viewer)
        ]
    );
    assert_eq!(adapters.settings.audience, "points");
    assert_eq!(adapters.settings.roles, RoleRules::default());
    assert_eq!(adapters.settings.types, IssuerSettings::TYPES);
    assert_eq!(adapters.jwks_url, None);
}

#[test]
fn everything_that_is_wrong_with_issuers_is_said_at_once() {
    let faults = parse(
        r#"
[auth]
issuer = "https://id.example.org"
jwks_url = "http://id.example.org/jwks"
jwks_refresh = "10s"
jwks_floor = "30s"

[auth.issuers.a]
issuer = "https://id.example.org"
jwks_url = "https://user:hunter2@id.example.org/jwks"
types = []
allowed_roles = ["ROOT"]

[auth.issuers.b]
jwks_url = "id.example.org"
audiense = "x"

[auth.issuers.b.claims]
role = "/a~2"

[auth.issuers.c]
issuer = "https://c.example.org"

[auth.issuers.c.roles]
admin = "ADMIN"

[auth.issuers.d]
issuer = "https://c.example.org"
jwks_url = "http://10.0.0.1/jwks"
jwks_allow_http = true
allowed_roles = []

[auth.issuers.webhook]
issuer = "w"
public_key_files = ["w.pem"]

[auth.issuers."E:F"]
issuer = "e"
public_key_files = ["e.pem"]
roles = {}
"#,
    )
    .unwrap_err();
    insta::assert_snapshot!(faults.join("\n"), @r##"
    auth.jwks_url (zhibu.toml, line 4): must begin with "https://"; with "http://" only on this machine, or where jwks_allow_http is set
    auth.jwks_floor (zhibu.toml, line 6): auth.jwks_floor must not be above auth.jwks_refresh
    auth.issuers.a.types (zhibu.toml, line 11): must name at least one
    auth.issuers.a.jwks_url (zhibu.toml, line 10): must hold no user, no password and no fragment
    auth.issuers.a.allowed_roles (zhibu.toml, line 12): must be one of DISTRICT_ADMIN, COMMITTEE_OFFICER, EXAMINER, BRANCH_OFFICER, VIEWER, ADAPTER
    auth.issuers.a.issuer (zhibu.toml, line 9): is auth.issuer already: a token's issuer must be one
    auth.issuers.b.issuer (zhibu.toml, line 14): must be set
    auth.issuers.b.jwks_url (zhibu.toml, line 15): must be a URL such as "https://id.example.org/jwks"
    auth.issuers.b.claims.role (zhibu.toml, line 19): must be the name of a claim, or a JSON pointer such as "/realm_access/roles"
    auth.issuers.c.jwks_url (zhibu.toml, line 21): must be set, or public_key_files
    auth.issuers.c.roles.admin (zhibu.toml, line 25): must be one of DISTRICT_ADMIN, COMMITTEE_OFFICER, EXAMINER, BRANCH_OFFICER, VIEWER, ADAPTER
    auth.issuers.d.allowed_roles (zhibu.toml, line 31): must name at least one role
    auth.issuers.d.issuer (zhibu.toml, line 28): is that of auth.issuers.c already: a token's issuer must be one
    auth.issuers.webhook (zhibu.toml, line 33): webhook is what the service calls callers of its own
    auth.issuers."E:F" (zhibu.toml, line 37): an issuer's name has 1 to 32 letters a to z, digits and hyphens: its subjects begin with it
    auth.issuers."E:F".roles (zhibu.toml, line 40): must name at least one word, or be left out
    auth.issuers.b.audiense (zhibu.toml, line 16): is not a setting; did you mean auth.issuers.b.audience?
    "##);
    assert!(!faults.join("\n").contains("hunter2"));
}
