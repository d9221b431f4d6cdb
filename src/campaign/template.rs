//! Templates of health checks: the one that the product ships, and those that a deployment publishes from a file.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    checklist::{CheckItem, TemplateFault, template_faults},
    model::{Aspect, Verification},
    store,
};
use crate::{
    audit::AuditRecord,
    branch::Domain,
    kernel::{
        message::Message,
        refusal::Refusal,
        text::{self, TextError},
    },
    live::change::{Action, Change, Topic},
    storage::{
        StoreError,
        write::{Failure, Write},
    },
};

/// The template that the product ships (**default**).
const SHIPPED: &str = include_str!("data/template.json");

/// Characters of an item's name at most.
const NAME: usize = 200;

/// A template as it stands in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateFile {
    items: Vec<ItemOfFile>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ItemOfFile {
    code: String,
    aspect: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    name_zh: String,
    name_en: String,
    verification: String,
    weight: i32,
    #[serde(default)]
    mandatory: bool,
}

/// Why a file is no template.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// It is not JSON of the right form.
    #[error("not a template: {0}")]
    Form(#[from] serde_json::Error),
    /// An item's text cannot be taken.
    #[error("item {0}: {1}: {2}")]
    Text(String, &'static str, String),
    /// An item's code is none.
    #[error("item {0}: a code has letters, digits and hyphens, at most {limit}", limit = text::ITEM_CODE_LIMIT)]
    Code(String),
    /// An item names what is not there.
    #[error("item {0}: no {1} is called {2}")]
    Unknown(String, &'static str, String),
    /// It breaks a rule of templates.
    #[error(transparent)]
    Rule(#[from] TemplateFault),
}

/// The template of a file, or everything that is wrong with it.
pub fn read(file: &str) -> Result<Vec<CheckItem>, Vec<FileFault>> {
    let file: TemplateFile = serde_json::from_str(file).map_err(|error| vec![error.into()])?;
    let mut faults = Vec::new();
    let items: Vec<CheckItem> = file
        .items
        .into_iter()
        .filter_map(|item| item_of(item).map_err(|fault| faults.push(fault)).ok())
        .collect();
    if faults.is_empty() {
        faults.extend(template_faults(&items).into_iter().map(FileFault::from));
    }
    match faults.is_empty() {
        true => Ok(items),
        false => Err(faults),
    }
}

fn item_of(item: ItemOfFile) -> Result<CheckItem, FileFault> {
    let code = item.code;
    let unknown = |what, name: &str| FileFault::Unknown(code.clone(), what, name.to_owned());
    let text = |what, taken: Result<String, TextError>| {
        taken.map_err(|error| FileFault::Text(code.clone(), what, error.message().en.to_string()))
    };
    let aspect = Aspect::parse(&item.aspect).ok_or_else(|| unknown("aspect", &item.aspect))?;
    let domain = match &item.domain {
        Some(name) => Some(Domain::parse(name).ok_or_else(|| unknown("domain", name))?),
        None => None,
    };
    let verification = Verification::parse(&item.verification)
        .ok_or_else(|| unknown("way of verification", &item.verification))?;
    Ok(CheckItem {
        aspect,
        domain,
        name_zh: text("nameZh", text::line(&item.name_zh, NAME))?,
        name_en: text("nameEn", text::line(&item.name_en, NAME))?,
        verification,
        weight: item.weight,
        mandatory: item.mandatory,
        code: item_code(&code)?,
    })
}

/// What findings can name it by.
fn item_code(given: &str) -> Result<String, FileFault> {
    text::code(given)
        .ok()
        .filter(|code| text::is_item_code(code))
        .ok_or_else(|| FileFault::Code(given.chars().take(60).collect()))
}

/// Publishes a template as the next version, unless it is the same as the latest.
pub async fn publish(write: &mut Write<'_>, items: &[CheckItem]) -> Result<i32, Failure> {
    write.lock("check_template", "").await?;
    let latest = store::latest_template(write.connection()).await?;
    if latest.as_ref().is_some_and(|(_, same)| *same == content(items)) {
        return Err(unchanged());
    }
    append(write, latest.map_or(1, |(version, _)| version + 1), items).await
}

/// The latest version; the one that the product ships is the first where a deployment has published none.
pub(super) async fn latest(write: &mut Write<'_>) -> Result<i32, Failure> {
    write.lock("check_template", "").await?;
    if let Some((version, _)) = store::latest_template(write.connection()).await? {
        return Ok(version);
    }
    let items = shipped().map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        StoreError::Corrupt(format!("the shipped template: {}", faults.join("; ")))
    })?;
    append(write, 1, &items).await
}

async fn append(write: &mut Write<'_>, version: i32, items: &[CheckItem]) -> Result<i32, Failure> {
    let content = content(items);
    store::insert_template(write, version, &content, items).await?;
    write.audit(
        AuditRecord::new("publishTemplate")
            .after(json!({ "version": version, "items": items.len(), "content": content })),
    );
    Ok(version)
}

fn unchanged() -> Failure {
    Refusal::rule(
        &["items"],
        Message::new(
            "与最新版本相同，未发布",
            "The same as the latest version: nothing was published",
        ),
    )
    .into()
}

/// The template that the product ships.
///
/// # Errors
///
/// Those of reading it, which a test of it finds before anybody else does.
pub fn shipped() -> Result<Vec<CheckItem>, Vec<FileFault>> {
    read(SHIPPED)
}

/// What tells two templates apart: the SHA-256 of their items, in hexadecimal.
pub fn content(items: &[CheckItem]) -> String {
    let items: Vec<ItemOfFile> = items
        .iter()
        .map(|item| ItemOfFile {
            code: item.code.clone(),
            aspect: item.aspect.as_str().to_owned(),
            domain: item.domain.map(|domain| domain.as_str().to_owned()),
            name_zh: item.name_zh.clone(),
            name_en: item.name_en.clone(),
            verification: item.verification.as_str().to_owned(),
            weight: item.weight,
            mandatory: item.mandatory,
        })
        .collect();
    // Texts and numbers: they can be written.
    let text = serde_json::to_string(&items).unwrap_or_default();
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// A campaign, as everybody signed in hears of it.
pub(super) fn campaign_changed(action: Action, id: crate::kernel::id::CampaignId) -> Change {
    Change::new(Topic::Campaign, action, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_template_keeps_the_rules() {
        let items = shipped().unwrap();
        assert_eq!(items.len(), 45 + 7 * 5);
        let mandatory: Vec<&str> = items
            .iter()
            .filter(|i| i.mandatory)
            .map(|i| i.code.as_str())
            .collect();
        assert_eq!(
            mandatory,
            [
                "R-ORG-03",
                "R-ORG-05",
                "R-EDU-05",
                "R-DEC-01",
                "R-LIFE-03",
                "R-LIFE-05"
            ]
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said() {
        let mut file: serde_json::Value = serde_json::from_str(SHIPPED).unwrap();
        file["items"][0]["weight"] = json!(5);
        file["items"][1]["code"] = json!("R-ORG-01");
        file["items"][2]["domain"] = json!("RURAL");
        file["items"].as_array_mut().unwrap().pop();
        let faults = read(&file.to_string()).unwrap_err();
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "item R-ORG-01 stands twice",
                "item R-ORG-03: regular items have no domain, tailored ones have one",
                "the weights of the regular items add up to 103, not 100",
                "domain RURAL has 6 tailored items; it has 5",
                "domain SOCIAL_ORG has 4 tailored items; it has 5",
            ]
        );
        file["items"][3]["aspect"] = json!("NOTHING");
        file["items"][4]["nameZh"] = json!("");
        let faults = read(&file.to_string()).unwrap_err();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(matches!(read("[").unwrap_err().as_slice(), [FileFault::Form(_)]));
    }
}
