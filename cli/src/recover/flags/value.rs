//! How values are read.

use std::collections::BTreeMap;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use cpm_domain::{aws::Tags, id::VolumeId, recovery::plan::VolumePlan};
use serde::de::{
    DeserializeOwned, IntoDeserializer as _,
    value::{Error, StrDeserializer},
};

use crate::{fault::Fault, file::nearest};

/// What is given replaces what was there.
pub(super) fn set<T: Clone>(field: &mut Option<T>, given: Option<&T>) {
    if let Some(given) = given {
        *field = Some(given.clone());
    }
}

/// A list that is given replaces the one that was there.
pub(super) fn set_list<T: Clone>(field: &mut Option<Vec<T>>, given: &[T]) {
    if !given.is_empty() {
        *field = Some(given.to_vec());
    }
}

/// A text that is given replaces the one that was there; the word for none, too.
pub(super) fn set_or_none(field: &mut Option<String>, given: Option<&String>, none: bool) {
    if none {
        *field = Some(String::new());
    }
    set(field, given);
}

/// Tags that are given replace those that were there.
pub(super) fn set_tags(field: &mut Option<Tags>, given: &[(String, String)], none: bool) {
    if none || !given.is_empty() {
        *field = Some(given.iter().cloned().collect());
    }
}

/// One of some words, as files write it.
pub(super) fn word<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words)
        .try_map(|word| T::deserialize::<StrDeserializer<'_, Error>>(word.as_str().into_deserializer()))
}

/// `yes` or `no`.
pub(super) fn switch() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["yes", "no"]).map(|word| word == "yes")
}

/// `KEY=VALUE`.
pub(super) fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, such as `Name=web`".to_owned()),
    }
}

/// `DEVICE:NAME` of an instance store volume.
pub(super) fn ephemeral(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((device, name)) if !device.is_empty() && name.starts_with("ephemeral") => {
            Ok((device.to_owned(), name.to_owned()))
        }
        _ => Err("write DEVICE:NAME, such as `/dev/sdb:ephemeral0`".to_owned()),
    }
}

const VOLUME_KEYS: [&str; 8] =
    ["size", "type", "iops", "throughput", "device", "zone", "kms-key", "delete-on-termination"];

/// `VOLUME:KEY=VALUE,…`.
pub(super) fn volume(text: &str) -> Result<VolumePlan, String> {
    let (id, fields) =
        text.split_once(':').ok_or("write VOLUME:KEY=VALUE, such as `vol-0123456789abcdef0:size=200`")?;
    let mut volume = VolumePlan::new(id.parse::<VolumeId>().map_err(|error| error.to_string())?);
    for (key, value) in pairs(fields, &VOLUME_KEYS)? {
        match key {
            "size" => volume.size = Some(number(key, value)?),
            "iops" => volume.iops = Some(number(key, value)?),
            "throughput" => volume.throughput = Some(number(key, value)?),
            "type" => volume.volume_type = Some(value.to_owned()),
            "device" => volume.device = Some(value.to_owned()),
            "zone" => volume.zone = Some(value.to_owned()),
            "kms-key" => volume.kms_key = Some(value.to_owned()),
            _ => volume.delete_on_termination = Some(yes_or_no(key, value)?),
        }
    }
    Ok(volume)
}

/// `KEY=VALUE,…`, each key once and one of those that are known.
pub(super) fn pairs<'a>(text: &'a str, known: &[&'static str]) -> Result<BTreeMap<&'a str, &'a str>, String> {
    let mut pairs = BTreeMap::new();
    for pair in text.split(',') {
        let (key, value) = pair.split_once('=').ok_or_else(|| format!("`{pair}` is not KEY=VALUE"))?;
        if !known.contains(&key) {
            return Err(match nearest(key, known) {
                Some(near) => format!("`{key}` is unknown: write `{near}`"),
                None => format!("`{key}` is unknown: write one of {}", known.join(", ")),
            });
        }
        if pairs.insert(key, value).is_some() {
            return Err(format!("`{key}` is written twice"));
        }
    }
    Ok(pairs)
}

/// A whole number of a key.
pub(super) fn number<T: std::str::FromStr>(key: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("`{key}` is a whole number, not `{value}`"))
}

/// `yes` or `no` of a key.
pub(super) fn yes_or_no(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("`{key}` is `yes` or `no`, not `{value}`")),
    }
}

/// Puts what is given of volumes into those of a plan: field by field.
pub(super) fn set_volumes(
    volumes: &mut Vec<VolumePlan>,
    given: &[VolumePlan],
    without: &[VolumeId],
) -> Result<(), Fault> {
    if let Some(both) = without.iter().find(|id| given.iter().any(|volume| volume.volume == **id)) {
        let help = "give one of --volume and --without for a volume";
        return Err(Fault::new(format!("{both} is wanted and not wanted"), help));
    }
    for from in given {
        let to = entry(volumes, &from.volume);
        to.recover = Some(true);
        set(&mut to.device, from.device.as_ref());
        set(&mut to.size, from.size.as_ref());
        set(&mut to.volume_type, from.volume_type.as_ref());
        set(&mut to.iops, from.iops.as_ref());
        set(&mut to.throughput, from.throughput.as_ref());
        set(&mut to.kms_key, from.kms_key.as_ref());
        set(&mut to.delete_on_termination, from.delete_on_termination.as_ref());
        set(&mut to.zone, from.zone.as_ref());
    }
    for id in without {
        entry(volumes, id).recover = Some(false);
    }
    Ok(())
}

fn entry<'a>(volumes: &'a mut Vec<VolumePlan>, id: &VolumeId) -> &'a mut VolumePlan {
    let at = volumes.iter().position(|volume| volume.volume == *id).unwrap_or_else(|| {
        volumes.push(VolumePlan::new(id.clone()));
        volumes.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "it was found there, or put there")]
    &mut volumes[at]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ID: &str = "vol-0123456789abcdef0";

    #[test]
    fn a_volume_with_all_its_keys() {
        let text = format!(
            "{ID}:size=200,type=gp3,iops=4000,throughput=250,device=/dev/sdf,zone=us-east-1b,kms-key=k,delete-on-termination=no"
        );
        let read = volume(&text).unwrap();
        let whole = VolumePlan {
            size: Some(200),
            volume_type: Some("gp3".into()),
            iops: Some(4000),
            throughput: Some(250),
            device: Some("/dev/sdf".into()),
            zone: Some("us-east-1b".into()),
            kms_key: Some("k".into()),
            delete_on_termination: Some(false),
            ..VolumePlan::new(ID.parse().unwrap())
        };
        assert_eq!(read, whole);
    }

    #[rstest]
    #[case("vol-0123456789abcdef0", "write VOLUME:KEY=VALUE")]
    #[case("i-0123456789abcdef0:size=8", "is not the id of")]
    #[case("vol-0123456789abcdef0:", "`` is not KEY=VALUE")]
    #[case("vol-0123456789abcdef0:size", "`size` is not KEY=VALUE")]
    #[case("vol-0123456789abcdef0:size=big", "`size` is a whole number, not `big`")]
    #[case("vol-0123456789abcdef0:siz=8", "`siz` is unknown: write `size`")]
    #[case("vol-0123456789abcdef0:colour=red", "write one of size, type")]
    #[case("vol-0123456789abcdef0:size=8,size=9", "`size` is written twice")]
    #[case("vol-0123456789abcdef0:delete-on-termination=maybe", "is `yes` or `no`, not `maybe`")]
    fn mistakes_in_volumes(#[case] text: &str, #[case] said: &str) {
        let error = volume(text).unwrap_err();
        assert!(error.contains(said), "{error}");
    }

    #[test]
    fn volumes_are_changed_field_by_field() {
        let mut volumes = vec![volume(&format!("{ID}:size=100,type=io2,iops=5000")).unwrap()];
        let other: VolumeId = "vol-0123456789abcdef1".parse().unwrap();
        set_volumes(&mut volumes, &[volume(&format!("{ID}:size=200")).unwrap()], std::slice::from_ref(&other))
            .unwrap();
        assert_eq!((volumes[0].size, volumes[0].iops, volumes[0].recover), (Some(200), Some(5000), Some(true)));
        assert_eq!((&volumes[1].volume, volumes[1].recover), (&other, Some(false)));
        let both = set_volumes(&mut volumes, &[volume(&format!("{ID}:size=200")).unwrap()], &[ID.parse().unwrap()]);
        assert!(both.unwrap_err().render(false).contains("is wanted and not wanted"));
    }

    #[rstest]
    #[case("Name=web", Some(("Name", "web")))]
    #[case("a=b=c", Some(("a", "b=c")))]
    #[case("empty=", Some(("empty", "")))]
    #[case("=web", None)]
    #[case("Name", None)]
    fn tags(#[case] text: &str, #[case] read: Option<(&str, &str)>) {
        assert_eq!(tag(text).ok(), read.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[rstest]
    #[case("/dev/sdb:ephemeral0", true)]
    #[case("xvdb:ephemeral10", true)]
    #[case("/dev/sdb", false)]
    #[case(":ephemeral0", false)]
    #[case("/dev/sdb:disk0", false)]
    fn instance_stores(#[case] text: &str, #[case] good: bool) {
        assert_eq!(ephemeral(text).is_ok(), good);
    }
}
