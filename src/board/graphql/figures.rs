//! The published figures in the API.

use std::collections::HashMap;

use async_graphql::{Context, Object};

use super::{
    super::{
        figures::{self, agrees},
        store::figures as store,
        tally::Span,
    },
    tallies::count,
};
use crate::{
    campaign::graphql::Language,
    graphql::{caller::Caller, error::ApiError},
    kernel::message::{Lang, Message},
};

/// A figure that was published, and what the records give.
pub struct Figure {
    figure: figures::Figure,
    source: Message,
    computed: i64,
    lang: Lang,
}

fn text(message: &Message, lang: Lang) -> &str {
    match lang {
        Lang::Zh => &message.zh,
        Lang::En => &message.en,
    }
}

/// 公布数字 · A figure that was published, and what the records give.
#[Object]
impl Figure {
    /// 名称 · What it counts, as a key.
    async fn key(&self) -> &str {
        self.figure.key.as_str()
    }

    /// 说明 · The same in words.
    async fn label(&self, #[graphql(desc = "语言 · In which language.", default)] lang: Language) -> &str {
        text(&self.figure.label, lang.into())
    }

    /// 公布 · As it was printed.
    async fn published(&self) -> &str {
        &self.figure.published
    }

    /// 计算 · What the records add up to.
    async fn computed(&self) -> i32 {
        count(self.computed)
    }

    /// 是否相符 · Whether it is the same; 余 is somewhat more than the number, below the next round one.
    async fn agrees(&self) -> bool {
        agrees(&self.figure.published, self.computed)
    }

    /// 出处 · Where it stands, in the caller's language.
    async fn source(&self) -> &str {
        text(&self.source, self.lang)
    }

    /// 备注 · What is to be said of it, in the caller's language.
    async fn note(&self) -> Option<&str> {
        self.figure.note.as_ref().map(|note| text(note, self.lang))
    }
}

/// Queries on published figures.
#[derive(Default)]
pub struct FiguresQuery;

#[Object]
impl FiguresQuery {
    /// 公布数字对照 · Figures that were published for a year beside what the records add up to; empty for years of which none are known.
    async fn figures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "年度 · Of which year.")] year: i32,
    ) -> Result<Vec<Figure>, ApiError> {
        let caller = Caller::of(ctx)?;
        let published = figures::published(year)?;
        let span = Span::of(year, caller.database.figures_from(year));
        let (Some(published), Some(span), true) = (published, span, caller.scope.sees_public()) else {
            return Ok(Vec::new());
        };
        let computed: HashMap<_, _> = store::computed(caller.database.reader(), &caller.scope, span).await?;
        let figures = published.figures.into_iter().map(|figure| Figure {
            computed: computed.get(&figure.key).copied().unwrap_or_default(),
            source: published.source.clone(),
            lang: caller.lang,
            figure,
        });
        Ok(figures.collect())
    }
}
