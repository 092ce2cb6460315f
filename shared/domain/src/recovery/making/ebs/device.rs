//! Names of devices (EC2 user guide, "Device names for volumes on Amazon EC2 instances").

/// The devices that images have as root.
const ROOTS: [&str; 2] = ["/dev/sda1", "/dev/xvda"];

/// Whether it is what images call their root device.
pub(in super::super) fn is_root(device: &str) -> bool {
    ROOTS.contains(&device)
}

/// Whether AWS takes it as a device: `/dev/sdf`, `/dev/sda1`, `xvdba`.
pub(in super::super) fn is_device(device: &str) -> bool {
    let name = device.strip_prefix("/dev/").unwrap_or(device);
    let Some(rest) = ["sd", "xvd", "hd"].iter().find_map(|prefix| name.strip_prefix(prefix)) else { return false };
    let letters = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = rest.get(letters.len()..).unwrap_or_default();
    (1..=2).contains(&letters.len())
        && letters.bytes().all(|b| b.is_ascii_lowercase())
        && (number.is_empty() || number.parse().is_ok_and(|n: u8| (1..=15).contains(&n)))
}

/// The same for names that mean the same disk: Linux calls `/dev/sdf` `/dev/xvdf`.
pub(in super::super) fn disk(device: &str) -> String {
    let name = device.strip_prefix("/dev/").unwrap_or(device);
    name.strip_prefix("xvd").map_or_else(|| name.to_owned(), |rest| format!("sd{rest}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/dev/sdf", true)]
    #[case("/dev/sda1", true)]
    #[case("/dev/xvdba", true)]
    #[case("xvdf", true)]
    #[case("/dev/sdf16", false)]
    #[case("/dev/sdf0", false)]
    #[case("/dev/nvme1n1", false)]
    #[case("/dev/sd", false)]
    #[case("/dev/SDF", false)]
    #[case("D:", false)]
    #[case("", false)]
    fn devices_are_told_from_other_words(#[case] device: &str, #[case] is: bool) {
        assert_eq!(is_device(device), is);
    }

    #[test]
    fn two_names_of_a_disk_are_one() {
        assert_eq!(disk("/dev/xvdf"), disk("/dev/sdf"));
        assert_ne!(disk("/dev/sda1"), disk("/dev/sda"));
    }
}
