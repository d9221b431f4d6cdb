//! How the errors of authentication become GraphQL errors.

use super::error::{ApiError, ErrorCode};
use crate::auth::AuthError;
use crate::kernel::message::Message;

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Missing => Self::new(
                ErrorCode::Unauthenticated,
                Message::new("请先登录：请求缺少令牌", "A bearer token is required"),
            ),
            // Which check failed is the operator's to know: the log has it.
            AuthError::Token(error) => Self::new(
                ErrorCode::Unauthenticated,
                Message::new("令牌无效或已过期", "The token is invalid or has expired"),
            )
            .with_source(error),
            // The log has been told, once; every caller of that issuer comes here.
            AuthError::Keys(error) => Self::unavailable(error.retry_after),
            AuthError::Store(error) => error.into(),
        }
    }
}
