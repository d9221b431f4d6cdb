//! Who is asking, what they may see, and what they may do (docs/domain.md, 9 and 10).
//!
//! A token becomes a [`Requester`] in one place. What it may see is a [`Scope`], demanded by every store
//! function that reads what not everybody may see; what it may do is a [`Grant`]. Only this folder can make
//! either.

mod authenticator;
mod issuer;
mod jwks;
mod key;
mod mint;
mod policy;
mod principal;
mod requester;
mod scope;
pub mod secret_file;
mod store;
mod token;
mod webhook;

pub use authenticator::{AuthError, Authenticator};
pub use issuer::{Issuer, IssuerSettings, Keys, Verified, short_type};
pub use jwks::{FetchFault, JwksSource, JwksTimes, KeySet, KeysUnavailable, ListedKey};
pub use key::{KeyError, SigningKey};
pub use mint::{MintError, TokenOrder, is_opaque_subject};
pub use policy::Act;
pub use principal::{ClaimPlace, ClaimPlaceError, ClaimPlaces, Principal, RoleRules};
pub use requester::{Requester, Role};
pub use scope::{Extent, Grant, Scope};
pub(crate) use scope::{branches_below, subtree};
pub use token::{Claims, TokenError, VerifyingKey};
pub use webhook::{SignatureError, SignedCaller, SignedHeaders, Webhooks};
