//! Texts for people, in Chinese and English.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The languages messages come in, chosen by `Accept-Language` (RFC 9110 section 12.5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// 中文, also for callers that name no language we speak: the users' own.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The best of our languages for an `Accept-Language` value; weights are honoured, `*` is Chinese.
    pub fn from_accept_language(header: Option<&str>) -> Self {
        let mut best = (0.0, Lang::default());
        for range in header.unwrap_or_default().split(',') {
            let mut parts = range.trim().split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let lang = match tag.split('-').next() {
                Some("zh" | "*") => Lang::Zh,
                Some("en") => Lang::En,
                _ => continue,
            };
            let weight = parts
                .find_map(|p| p.trim().strip_prefix("q="))
                .map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            if weight > best.0 {
                best = (weight, lang);
            }
        }
        best.1
    }

    /// The tag for `Content-Language`.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::Zh => "zh",
            Lang::En => "en",
        }
    }
}

/// One text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Chinese.
    pub zh: Cow<'static, str>,
    /// English.
    pub en: Cow<'static, str>,
}

impl Message {
    /// A text from its two forms.
    pub fn new(zh: impl Into<Cow<'static, str>>, en: impl Into<Cow<'static, str>>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// The form in a language.
    pub fn text(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lang;

    #[test]
    fn the_language_with_the_greatest_weight_wins() {
        for (header, lang) in [
            (None, Lang::Zh),
            (Some("en"), Lang::En),
            (Some("en-GB,en;q=0.9"), Lang::En),
            (Some("zh-CN,zh;q=0.9,en;q=0.8"), Lang::Zh),
            (Some("fr, en;q=0.5"), Lang::En),
            (Some("en;q=0, *;q=0.1"), Lang::Zh),
            (Some("fr"), Lang::Zh),
        ] {
            assert_eq!(Lang::from_accept_language(header), lang, "{header:?}");
        }
    }
}
