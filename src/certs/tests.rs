use super::authority::{Authority, NotMade, Revoked};
use super::certificate::{BadPem, Certificate, DAY};

const NOW: i64 = 1_800_000_000;

fn authority() -> Authority {
    Authority::create(NOW).unwrap().0
}

#[test]
fn what_was_made_is_read_back() {
    let authority = authority();
    let names = ["docker.example", "192.0.2.7", "fd00::7"].map(str::to_owned);
    let made = authority.server(&names, NOW, 10).unwrap();
    let read = Certificate::first(&made.certificate).unwrap();
    assert_eq!(read.subject, "CN=docker.example");
    assert_eq!(read.names, names);
    assert_eq!(read.not_after, NOW + 10 * DAY);
    assert_eq!(read.days_left(NOW + DAY), 9);
    assert_eq!(read.days_left(NOW + 11 * DAY), -1);
    let made = authority.client("ci", NOW, 10).unwrap();
    let read = Certificate::first(&made.certificate).unwrap();
    assert_eq!(read.common_name.as_deref(), Some("ci"));
    assert_eq!((read.fingerprint.len(), read.key_pin.len()), (64, 44));
}

#[test]
fn nothing_holds_longer_than_its_authority() {
    let made = authority().client("ci", NOW + 3600 * DAY, 825).unwrap();
    let read = Certificate::first(&made.certificate).unwrap();
    assert_eq!(read.not_after, NOW + 3650 * DAY);
}

#[test]
fn an_authority_is_opened_only_with_its_own_key() {
    let (authority, key) = Authority::create(NOW).unwrap();
    let (_, other) = Authority::create(NOW).unwrap();
    let opened = Authority::open(authority.pem.clone(), &key).unwrap();
    let made = opened.client("ci", NOW, 10).unwrap();
    assert!(Certificate::first(&made.certificate).is_ok());
    for (pem, key) in [(&authority.pem, &other), (&authority.pem, &made.key)] {
        let refused = Authority::open(pem.clone(), key);
        assert!(matches!(refused, Err(NotMade::OtherKey)));
    }
    let refused = Authority::open("no".to_owned(), &key);
    assert!(matches!(refused, Err(NotMade::NotAuthority)));
}

#[test]
fn a_list_of_revoked_certificates_is_read_back() {
    let authority = authority();
    let made = authority.client("ci", NOW, 10).unwrap();
    let serial = Certificate::first(&made.certificate).unwrap().serial;
    let mut revoked = Revoked {
        number: 7,
        ..Revoked::default()
    };
    assert!(revoked.add(&serial, NOW) && !revoked.add(&serial, NOW + 1));
    let list = authority.revocations(&revoked, NOW).unwrap();
    assert_eq!(Revoked::read(&list).unwrap(), revoked);
    assert!(matches!(Revoked::read("no"), Err(NotMade::NotRevoked)));
}

#[test]
fn what_is_not_a_certificate_is_not_read() {
    let made = authority().client("ci", NOW, 10).unwrap();
    let broken = made.certificate.replacen("MII", "AAA", 1);
    for pem in ["", "no", &made.key, &broken] {
        assert_eq!(Certificate::first(pem), Err(BadPem), "{pem}");
        let both = format!("{}{pem}", made.certificate);
        let is_extra = pem.contains("CERTIFICATE");
        assert_eq!(Certificate::chain(&both).is_err(), is_extra, "{both}");
    }
    assert_eq!(Certificate::read(b""), None);
}
