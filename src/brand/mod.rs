//! Brand profiles (支部品牌): one branch, one brand (一支部一品牌).
//!
//! A branch writes a draft and submits it, its committee publishes it or returns it with a reason (docs/domain.md, 5).
//! At most one brand of a branch is published; a unique index holds that, and publication archives the earlier
//! one in the same transaction. What is published everybody signed in may see, the rest only those in scope.

mod content;
pub mod graphql;
pub mod model;
pub mod publish;
pub mod return_brand;
pub mod save;
mod step;
mod store;
pub mod submit;

pub use model::{Brand, BrandContent, BrandState, BrandStory, StoryForm};
pub use store::{by_ids, published_of, search_text, submitted_in_scope};
