//! What a branch writes about its brand, checked: every fault of an input at once, each with its path.

use chrono::NaiveDate;
use http::Uri;

use super::model::{BrandContent, BrandError, BrandStory, MAX_STORIES, MAX_THEMES, MAX_URL, StoryForm};
use crate::{
    kernel::{
        refusal::Refusal,
        text::{self, TextError},
    },
    storage::write::Refusals,
};

/// A brand's content as it was given.
#[derive(Clone, Debug)]
pub struct GivenContent {
    /// Its name.
    pub name: String,
    /// One line with the name; left out (None), cleared, or given.
    pub slogan: Option<Option<String>>,
    /// What it is about.
    pub description: String,
    /// Its themes, in order.
    pub themes: Vec<String>,
    /// What came of it; left out (None), cleared, or given.
    pub results: Option<Option<String>>,
    /// Its stories, in order.
    pub stories: Vec<GivenStory>,
}

/// A story as it was given.
#[derive(Clone, Debug)]
pub struct GivenStory {
    /// Its form.
    pub form: StoryForm,
    /// Its title.
    pub title: String,
    /// What happened, in short.
    pub summary: Option<String>,
    /// The day it was held.
    pub held_on: Option<NaiveDate>,
    /// Where it can be seen or heard.
    pub media_url: Option<String>,
}

/// What an edited brand says already, for what is left out.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    /// Its slogan.
    pub slogan: Option<String>,
    /// Its results.
    pub results: Option<String>,
}

impl GivenContent {
    /// Checks everything, into `refusals`; None when something was refused.
    pub fn check(&self, earlier: Earlier, today: NaiveDate, refusals: &mut Refusals) -> Option<BrandContent> {
        let name = take(refusals, text::name(&self.name), &["name"]);
        let slogan = match &self.slogan {
            None => Some(earlier.slogan),
            Some(given) => optional(
                refusals,
                given.as_deref(),
                |t| text::line(t, text::NAME_LIMIT),
                &["slogan"],
            ),
        };
        let description = take(
            refusals,
            text::prose(&self.description, text::PROSE_LIMIT),
            &["description"],
        );
        let themes = self.themes(refusals);
        let results = match &self.results {
            None => Some(earlier.results),
            Some(given) => optional(
                refusals,
                given.as_deref(),
                |t| text::prose(t, text::PROSE_LIMIT),
                &["results"],
            ),
        };
        let stories = self.stories(today, refusals);
        Some(BrandContent {
            name: name?,
            slogan: slogan?,
            description: description?,
            themes: themes?,
            results: results?,
            stories: stories?,
        })
    }

    /// Themes in one spelling (NFKC), so that a filter finds them however they were typed; each once, where it was
    /// named first.
    fn themes(&self, refusals: &mut Refusals) -> Option<Vec<String>> {
        if self.themes.len() > MAX_THEMES {
            refusals.require(false, || BrandError::TooManyThemes(self.themes.len()).into());
            return None;
        }
        let mut keys = Vec::new();
        let mut themes = Some(Vec::new());
        for (place, theme) in self.themes.iter().enumerate() {
            let path = ["themes", &place.to_string()];
            let theme = take(refusals, text::line(&text::fold(theme), text::NAME_LIMIT), &path);
            let key = theme.as_deref().map(text::matching_key);
            if key.as_ref().is_some_and(|key| keys.contains(key)) {
                continue;
            }
            keys.extend(key);
            themes = themes.zip(theme).map(|(mut themes, theme)| {
                themes.push(theme);
                themes
            });
        }
        themes
    }

    fn stories(&self, today: NaiveDate, refusals: &mut Refusals) -> Option<Vec<BrandStory>> {
        if self.stories.len() > MAX_STORIES {
            refusals.require(false, || BrandError::TooManyStories(self.stories.len()).into());
            return None;
        }
        let stories: Vec<Option<BrandStory>> = self
            .stories
            .iter()
            .enumerate()
            .map(|(place, story)| story.check(place, today, refusals))
            .collect();
        stories.into_iter().collect()
    }
}

impl GivenStory {
    fn check(&self, place: usize, today: NaiveDate, refusals: &mut Refusals) -> Option<BrandStory> {
        let number = place.to_string();
        let title = take(refusals, text::name(&self.title), &["stories", &number, "title"]);
        let summary = optional(
            refusals,
            self.summary.as_deref(),
            |t| text::prose(t, text::PROSE_LIMIT),
            &["stories", &number, "summary"],
        );
        let media_url = optional(
            refusals,
            self.media_url.as_deref(),
            |t| text::line(t, MAX_URL),
            &["stories", &number, "mediaUrl"],
        );
        let url_fits = match &media_url {
            Some(Some(url)) => is_web_address(url),
            _ => true,
        };
        refusals.require(url_fits, || BrandError::NoWebAddress(place).into());
        let held = self.held_on.is_none_or(|day| day <= today);
        refusals.require(held, || BrandError::StoryInTheFuture(place, today).into());
        Some(BrandStory {
            form: self.form,
            title: title?,
            summary: summary?,
            held_on: self.held_on,
            media_url: media_url?.filter(|_| url_fits),
        })
    }
}

/// An absolute http or https address with a host, and nobody's credentials in it.
fn is_web_address(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        let web = uri
            .scheme_str()
            .is_some_and(|scheme| matches!(scheme, "http" | "https"));
        let host = uri.host().is_some_and(|host| !host.is_empty());
        let credentials = uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'));
        web && host && !credentials
    })
}

fn take(refusals: &mut Refusals, taken: Result<String, TextError>, path: &[&str]) -> Option<String> {
    refusals.take(taken.map_err(|e| -> Refusal { e.refusal(path) }))
}

fn optional(
    refusals: &mut Refusals,
    given: Option<&str>,
    check: impl Fn(&str) -> Result<String, TextError>,
    path: &[&str],
) -> Option<Option<String>> {
    match given {
        None => Some(None),
        Some(given) => take(refusals, check(given), path).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernel::refusal::RefusalCode, storage::write::Failure};

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2022, 12, 31).unwrap()
    }

    fn story() -> GivenStory {
        GivenStory {
            form: StoryForm::Practice,
            title: "夜间抢修".to_owned(),
            summary: None,
            held_on: None,
            media_url: None,
        }
    }

    fn given() -> GivenContent {
        GivenContent {
            name: "市政110".to_owned(),
            slogan: None,
            description: "随叫随到".to_owned(),
            themes: Vec::new(),
            results: None,
            stories: vec![story()],
        }
    }

    fn check(given: &GivenContent) -> Result<BrandContent, Vec<Refusal>> {
        let mut refusals = Refusals::default();
        let content = given.check(Earlier::default(), today(), &mut refusals);
        match refusals.finish() {
            Ok(()) => Ok(content.unwrap()),
            Err(Failure::Refused(refusals)) => Err(refusals),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn paths(given: &GivenContent) -> Vec<String> {
        check(given)
            .unwrap_err()
            .into_iter()
            .map(|refusal| refusal.path.join("."))
            .collect()
    }

    #[test]
    fn every_fault_of_an_input_is_named_at_once_with_its_path() {
        let mut given = given();
        given.name = " ".to_owned();
        given.slogan = Some(Some("a\nb".to_owned()));
        given.description = "党".repeat(4001);
        given.themes = vec!["为民".to_owned(), "\u{3000}".to_owned()];
        given.results = Some(Some("联系 13800138000".to_owned()));
        given.stories = vec![
            GivenStory {
                summary: Some("电话 13800138000".to_owned()),
                held_on: today().succ_opt(),
                ..story()
            },
            GivenStory {
                title: "a\0b".to_owned(),
                media_url: Some("javascript:alert(1)".to_owned()),
                ..story()
            },
        ];
        assert_eq!(
            paths(&given),
            [
                "name",
                "slogan",
                "description",
                "themes.1",
                "results",
                "stories.0.summary",
                "stories.0.heldOn",
                "stories.1.title",
                "stories.1.mediaUrl",
            ]
        );
    }

    #[test]
    fn a_theme_named_twice_counts_once_in_one_spelling() {
        let mut given = given();
        given.themes = ["为民 服务", "ＡＢＣ", "abc", "为民服务", "志愿"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(check(&given).unwrap().themes, ["为民 服务", "ABC", "志愿"]);
    }

    #[test]
    fn there_are_at_most_twenty_themes_and_fifty_stories() {
        let mut given = given();
        given.themes = (0..20).map(|n| format!("主题{n}")).collect();
        given.stories = vec![story(); 50];
        assert_eq!(check(&given).unwrap().stories.len(), 50);
        given.themes.push("再一个".to_owned());
        given.stories.push(story());
        assert_eq!(paths(&given), ["themes", "stories"]);
    }

    #[test]
    fn a_story_links_to_the_web_and_nowhere_else() {
        for url in [
            "https://media.example.cn/stories/1.mp4?from=app#t=3",
            "http://192.0.2.1:8080/",
            "https://例子.example/视频",
        ] {
            let mut given = given();
            given.stories[0].media_url = Some(url.to_owned());
            // Chinese host names are written in their ASCII form (RFC 5890).
            assert_eq!(check(&given).is_ok(), !url.contains('例'), "{url}");
        }
        let long = format!("https://media.example.cn/{}", "a".repeat(2024));
        for url in [
            "ftp://media.example.cn/1",
            "/stories/1.mp4",
            "media.example.cn/1.mp4",
            "https://",
            "https:///1.mp4",
            "https://user:pass@media.example.cn/1",
            "data:text/html,x",
            "https://media.example.cn/a b",
            "",
            long.as_str(),
        ] {
            let mut given = given();
            given.stories[0].media_url = Some(url.to_owned());
            let refusals = check(&given).unwrap_err();
            assert_eq!(refusals.len(), 1, "{url}");
            assert_eq!(refusals[0].code, RefusalCode::InvalidInput);
            assert_eq!(refusals[0].path, ["stories", "0", "mediaUrl"], "{url}");
        }
    }

    #[test]
    fn what_is_left_out_stays_and_null_clears() {
        let earlier = Earlier {
            slogan: Some("一呼百应".to_owned()),
            results: Some("抢修百次".to_owned()),
        };
        let mut given = given();
        given.results = Some(None);
        let content = given.check(earlier, today(), &mut Refusals::default()).unwrap();
        assert_eq!(content.slogan.as_deref(), Some("一呼百应"));
        assert_eq!(content.results, None);
    }
}
