//! `reviewRectification` (定期复查): what was closed is still good. What is not is reopened.

use super::{
    close::{CloseRectification, look_at},
    model::Step,
};
use crate::{
    auth::Grant,
    kernel::id::RectificationId,
    storage::write::{Failure, Write},
};

/// Keeps it CLOSED, since the day it is, and sets the next review.
pub async fn review(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &CloseRectification,
) -> Result<RectificationId, Failure> {
    look_at(write, grant, input, Step::Review, "reviewRectification").await
}
