//! Images like the one that an instance was launched from (§9.2.3, "AMI Assistant").

use serde::{Deserialize, Serialize};

use crate::{
    id::{BackupId, Region},
    name::AccountName,
    origin::ImageOrigin,
};

/// Images that are looked for: like the one that an instance of a backup was launched from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImagesLike {
    /// The backup.
    pub backup: BackupId,
    /// Its instance; may be left out when it has one only.
    #[serde(default)]
    pub source: Option<String>,
    /// In which Region; that of the instance when left out.
    #[serde(default)]
    pub region: Option<Region>,
    /// In which account; that of the backup when left out.
    #[serde(default)]
    pub account: Option<AccountName>,
    /// Like it, and not the same in every detail.
    #[serde(default)]
    pub fuzzy: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImagesFound {
    /// The image that the instance was launched from, as it was known.
    pub original: ImageOrigin,
    /// In which Region was looked.
    pub region: Region,
    /// What is like it, the most alike first.
    pub images: Vec<ImageMatch>,
}

/// An image that is like another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageMatch {
    /// It.
    pub image: ImageOrigin,
    /// Why it was taken.
    pub reasons: Vec<String>,
    /// In what it is different.
    pub differences: Vec<String>,
}

/// What AWS is asked for: images that may be like another. [`alike`] looks at them closely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFilter {
    /// The owner: an account's number, or an alias such as `amazon`. Images of others may have any name.
    pub owner: String,
    /// The name, with `*` for what may be any text.
    pub name: String,
    /// `x86_64` and so on; none: any.
    pub architecture: Option<String>,
}

/// What to ask AWS for, to find images like `original`; none: too little is known of it.
///
/// ```
/// use cpm_domain::{origin::ImageOrigin, recovery::image};
///
/// let original = ImageOrigin {
///     name: Some("al2023-ami-2023.5.20240624.0-kernel-6.1-arm64".to_owned()),
///     owner: Some("137112412989".to_owned()),
///     ..ImageOrigin::default()
/// };
/// let filter = image::filter(&original, true).unwrap();
/// assert_eq!(filter.name, "al2023-ami-*-kernel-*-arm64");
/// assert_eq!(image::filter(&ImageOrigin::default(), true), None);
/// ```
pub fn filter(original: &ImageOrigin, fuzzy: bool) -> Option<ImageFilter> {
    let owner = original.owner.clone().or_else(|| original.owner_alias.clone())?;
    let name = original.name.clone().filter(|name| !name.is_empty())?;
    let name = if fuzzy { pattern(&name) } else { name };
    Some(ImageFilter { owner, name, architecture: original.architecture.clone() })
}

/// Those of `candidates` that are like `original`, with the reasons, the newest first; before them the image itself.
///
/// An exact match is the same in all that matters to what it launches, and has the same name: the same image in another
/// Region, or made again. A fuzzy one is another version: the name is the same but for its numbers and dates.
pub fn alike(original: &ImageOrigin, candidates: Vec<ImageOrigin>, fuzzy: bool) -> Vec<ImageMatch> {
    let found = candidates.into_iter().filter_map(|candidate| compare(original, candidate, fuzzy));
    let mut found: Vec<ImageMatch> = found.collect();
    found.sort_by(|a, b| {
        let is_it = |one: &ImageMatch| one.image.id == original.id;
        is_it(b)
            .cmp(&is_it(a))
            .then_with(|| b.image.created.cmp(&a.image.created))
            .then_with(|| a.image.id.cmp(&b.image.id))
    });
    found
}

/// A property of images, by which they are compared.
struct Aspect {
    /// What it is called.
    name: &'static str,
    /// It.
    of: fn(&ImageOrigin) -> Option<&str>,
    /// A fuzzy match has to have it as well.
    always: bool,
}

const ASPECTS: [Aspect; 5] = [
    Aspect { name: "architecture", of: |image| image.architecture.as_deref(), always: true },
    Aspect { name: "platform", of: |image| image.platform_details.as_deref(), always: true },
    Aspect { name: "virtualization", of: |image| image.virtualization.as_deref(), always: false },
    Aspect { name: "root device type", of: |image| image.root_device_type.as_deref(), always: false },
    Aspect { name: "boot mode", of: |image| image.boot_mode.as_deref(), always: false },
];

fn compare(original: &ImageOrigin, candidate: ImageOrigin, fuzzy: bool) -> Option<ImageMatch> {
    let (mut reasons, mut differences) = (Vec::new(), Vec::new());
    if candidate.id == original.id {
        reasons.push("it is the image itself".to_owned());
    }
    reasons.push(format!("the same owner: {}", same_owner(original, &candidate)?));
    match (original.name.as_deref()?, candidate.name.as_deref()?) {
        (a, b) if a == b => reasons.push(format!("the same name: {a}")),
        (a, b) if fuzzy && pattern(a).eq_ignore_ascii_case(&pattern(b)) => {
            reasons.push(format!("the same name but for numbers and dates: {}", pattern(a)));
            differences.push(format!("name: {b}, it was {a}"));
        }
        _ => return None,
    }
    for aspect in &ASPECTS {
        match ((aspect.of)(original), (aspect.of)(&candidate)) {
            (Some(a), Some(b)) if a == b => reasons.push(format!("the same {}: {a}", aspect.name)),
            // What is not on record of the original rules nothing out.
            (None, _) => {}
            (Some(a), b) if fuzzy && !aspect.always => {
                differences.push(format!("{}: {}, it was {a}", aspect.name, b.unwrap_or("none")));
            }
            (Some(_), _) => return None,
        }
    }
    differences.extend(lesser(original, &candidate));
    Some(ImageMatch { image: candidate, reasons, differences })
}

/// An alias is taken where a number is not known: aliases are AWS's own.
fn same_owner(original: &ImageOrigin, candidate: &ImageOrigin) -> Option<String> {
    let (a, b) = match (&original.owner, &candidate.owner) {
        (Some(a), Some(b)) => (a, b),
        _ => (original.owner_alias.as_ref()?, candidate.owner_alias.as_ref()?),
    };
    (a == b).then(|| original.owner_alias.clone().unwrap_or_else(|| a.clone()))
}

/// What is different and rules nothing out.
fn lesser(original: &ImageOrigin, candidate: &ImageOrigin) -> Vec<String> {
    let texts = [
        ("root device", &original.root_device, &candidate.root_device),
        ("created", &original.created, &candidate.created),
    ];
    let differ = texts.into_iter().filter_map(|(name, a, b)| {
        let (a, b) = (a.as_ref()?, b.as_ref()?);
        (a != b).then(|| format!("{name}: {b}, it was {a}"))
    });
    let ena = (original.known && original.ena != candidate.ena).then(|| {
        let has = if candidate.ena { "yes, it had none" } else { "none, it had it" };
        format!("enhanced networking: {has}")
    });
    let codes = (original.product_codes != candidate.product_codes).then(|| {
        format!("product codes: {}, it had {}", listed(&candidate.product_codes), listed(&original.product_codes))
    });
    differ.chain(ena).chain(codes).collect()
}

fn listed(codes: &[String]) -> String {
    if codes.is_empty() { "none".to_owned() } else { codes.join(" ") }
}

/// A name with `*` for each run of versions and dates. A name of nothing else stays as it is.
fn pattern(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len());
    let (mut between, mut words) = (String::new(), 0_u32);
    for piece in pieces(name) {
        if !piece.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            between.push_str(piece);
        } else if is_version(piece) {
            if !pattern.ends_with('*') {
                pattern.push_str(&between);
                pattern.push('*');
            }
            between.clear();
        } else {
            pattern.push_str(&between);
            pattern.push_str(piece);
            between.clear();
            words += 1;
        }
    }
    pattern.push_str(&between);
    if words == 0 { name.to_owned() } else { pattern }
}

/// Words and what stands between them.
fn pieces(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let is_word = rest.chars().next()?.is_ascii_alphanumeric();
        let end = rest.find(|c: char| c.is_ascii_alphanumeric() != is_word).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// `2023`, `0a1b2c`, `v1`, `20240624T0102Z`, and long numbers in hexadecimal.
fn is_version(word: &str) -> bool {
    let starts = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let is_hex =
        word.len() >= 8 && word.bytes().all(|b| b.is_ascii_hexdigit()) && word.bytes().any(|b| b.is_ascii_digit());
    starts(word) || is_hex || word.strip_prefix(['v', 'V', 'r']).is_some_and(starts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn image(id: &str, name: &str, created: &str) -> ImageOrigin {
        ImageOrigin {
            id: id.to_owned(),
            known: true,
            name: Some(name.to_owned()),
            owner: Some("137112412989".to_owned()),
            owner_alias: Some("amazon".to_owned()),
            created: Some(created.to_owned()),
            architecture: Some("x86_64".to_owned()),
            virtualization: Some("hvm".to_owned()),
            root_device_type: Some("ebs".to_owned()),
            root_device: Some("/dev/xvda".to_owned()),
            platform_details: Some("Linux/UNIX".to_owned()),
            boot_mode: Some("uefi-preferred".to_owned()),
            ena: true,
            ..ImageOrigin::default()
        }
    }

    const NAME: &str = "al2023-ami-2023.5.20240624.0-kernel-6.1-x86_64";
    const NEWER: &str = "al2023-ami-2023.6.20250107.1-kernel-6.1-x86_64";

    fn original() -> ImageOrigin {
        image("ami-1", NAME, "2024-06-24T00:00:00.000Z")
    }

    #[rstest]
    #[case(NAME, "al2023-ami-*-kernel-*-x86_*")]
    #[case(
        "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20230516",
        "ubuntu/images/hvm-ssd/ubuntu-jammy-*-amd64-server-*"
    )]
    #[case("Windows_Server-2019-English-Full-Base-2023.05.10", "Windows_Server-*-English-Full-Base-*")]
    #[case("debian-12-amd64-20240507-1740", "debian-*-amd64-*")]
    #[case("web v12 (golden)", "web * (golden)")]
    #[case("20240507-1740", "20240507-1740")]
    fn versions_and_dates_are_left_out(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(pattern(name), expected);
    }

    #[test]
    fn an_exact_match_is_the_same_in_all_that_matters() {
        let again = image("ami-9", NAME, "2025-01-01T00:00:00.000Z");
        let found = alike(&original(), vec![image("ami-2", NEWER, "2025-01-07"), again, original()], false);
        assert_eq!(found.iter().map(|one| one.image.id.as_str()).collect::<Vec<_>>(), ["ami-1", "ami-9"]);
        insta::assert_yaml_snapshot!(found.iter().map(|one| (&one.reasons, &one.differences)).collect::<Vec<_>>());
    }

    #[test]
    fn a_fuzzy_match_is_another_version_the_newest_first() {
        let others = vec![
            image("ami-2", "al2023-ami-2023.4.20240101.0-kernel-6.1-x86_64", "2024-01-01T00:00:00.000Z"),
            ImageOrigin { boot_mode: None, ena: false, ..image("ami-3", NEWER, "2025-01-07T00:00:00.000Z") },
            image("ami-4", "al2023-ami-minimal-2023.6.20250107.1-kernel-6.1-x86_64", "2025-01-07T00:00:00.000Z"),
        ];
        let found = alike(&original(), others, true);
        assert_eq!(found.iter().map(|one| one.image.id.as_str()).collect::<Vec<_>>(), ["ami-3", "ami-2"]);
        insta::assert_yaml_snapshot!(found.first().map(|one| (&one.reasons, &one.differences)));
    }

    #[rstest]
    #[case::owner(ImageOrigin { owner: Some("999999999999".into()), owner_alias: None, ..original() })]
    #[case::owner_is_not_known(ImageOrigin { owner: None, owner_alias: None, ..original() })]
    #[case::architecture(ImageOrigin { architecture: Some("arm64".into()), ..original() })]
    #[case::platform(ImageOrigin { platform_details: Some("Windows".into()), ..original() })]
    #[case::name(ImageOrigin { name: Some("another".into()), ..original() })]
    #[case::no_name(ImageOrigin { name: None, ..original() })]
    fn what_is_of_another_kind_is_never_like_it(#[case] candidate: ImageOrigin) {
        for fuzzy in [false, true] {
            assert_eq!(alike(&original(), vec![candidate.clone()], fuzzy), []);
        }
    }

    #[rstest]
    #[case::virtualization(ImageOrigin { virtualization: Some("paravirtual".into()), ..original() })]
    #[case::root_device_type(ImageOrigin { root_device_type: Some("instance-store".into()), ..original() })]
    #[case::boot_mode(ImageOrigin { boot_mode: Some("legacy-bios".into()), ..original() })]
    fn what_is_different_in_a_detail_is_like_it_and_says_so(#[case] candidate: ImageOrigin) {
        assert_eq!(alike(&original(), vec![candidate.clone()], false), []);
        let found = alike(&original(), vec![candidate], true);
        assert_eq!(found[0].differences.len(), 1, "{found:?}");
    }

    #[test]
    fn an_owner_is_known_by_number_or_alias() {
        let by_alias = ImageOrigin { owner: None, ..original() };
        assert_eq!(alike(&by_alias, vec![original()], false).len(), 1);
        assert_eq!(filter(&by_alias, false).unwrap().owner, "amazon");
        assert_eq!(filter(&ImageOrigin { name: None, ..original() }, false), None);
    }

    proptest! {
        #[test]
        fn what_is_like_it_would_have_been_asked_for(name in "[a-zA-Z0-9 ./_-]{3,40}") {
            let pattern = pattern(&name);
            prop_assert!(fits(&pattern, &name), "{pattern} {name}");
            prop_assert_eq!(super::pattern(&name), pattern);
        }
    }

    /// As AWS understands `*`.
    fn fits(pattern: &str, name: &str) -> bool {
        match pattern.split_once('*') {
            None => pattern == name,
            Some((head, tail)) => name
                .strip_prefix(head)
                .is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits(tail, &rest[at..]))),
        }
    }
}
