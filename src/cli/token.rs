//! `zhibu token`

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use rand::CryptoRng;

use super::set_data_dir;
use crate::{
    auth::{MintError, Role, SigningKey, TokenOrder},
    config::{Config, Overrides},
    kernel::clock::Clock,
};

/// Flags of `token`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct TokenArgs {
    /// Role of the bearer
    #[arg(long, value_parser = role_parser())]
    pub role: Role,

    /// Opaque subject; random when left out, never a phone or ID number
    #[arg(long, value_name = "SUBJECT")]
    pub sub: Option<String>,

    /// Code of the organization: needed by COMMITTEE_OFFICER, narrows a VIEWER
    #[arg(long, value_name = "CODE")]
    pub org: Option<String>,

    /// Code of the branch: needed by BRANCH_OFFICER, and by EXAMINER (its own)
    #[arg(long, value_name = "CODE")]
    pub branch: Option<String>,

    /// Code of the source: needed by ADAPTER
    #[arg(long, value_name = "CODE")]
    pub source: Option<String>,

    /// How long the token is valid, such as 8h, 30m, 45s or 7d
    #[arg(long, default_value = "8h", value_parser = humantime::parse_duration)]
    pub ttl: Duration,

    /// Directory with the signing key, which is made if there is none [default: ./zhibu-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

fn role_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str))
        .try_map(|name| Role::parse(&name).ok_or_else(|| format!("{name} is no role")))
}

impl TokenArgs {
    pub(super) fn overrides(&self, overrides: &mut Overrides) {
        set_data_dir(overrides, self.data_dir.as_deref());
    }

    /// The token that the flags ask for.
    pub fn token(
        &self,
        config: &Config,
        clock: &Clock,
        rng: &mut impl CryptoRng,
    ) -> Result<String, MintError> {
        let order = TokenOrder {
            role: self.role,
            subject: self.sub.clone(),
            organization: self.org.clone(),
            branch: self.branch.clone(),
            source: self.source.clone(),
            ttl: self.ttl,
        };
        let claims = order.claims(&config.auth.issuer, &config.auth.audience, clock.machine(), rng)?;
        // Only now: an order that is refused leaves no key behind.
        Ok(SigningKey::load_or_create(&config.signing_key_file(), rng)?.sign(&claims)?)
    }
}

/// Prints the token on standard output and nothing else; what is wrong goes to standard error, with exit code 2.
pub fn run(args: &TokenArgs, config: &Config, clock: &Clock, rng: &mut impl CryptoRng) -> ExitCode {
    let printed = args
        .token(config, clock, rng)
        .map_err(|error| error.to_string())
        .and_then(|token| writeln!(io::stdout(), "{token}").map_err(|error| error.to_string()));
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Where standard error is closed as well there is nobody left to tell.
            let _ = writeln!(io::stderr(), "zhibu token: {problem}");
            ExitCode::from(2)
        }
    }
}
