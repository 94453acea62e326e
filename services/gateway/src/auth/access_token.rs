//! Access tokens: JWTs that name a session. What their bearer may do is looked up with the session, so that a token
//! outlives neither its session nor its user.

use std::fmt;
use std::str::FromStr;

use anyhow::Context;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::problem::ProblemKind;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth::Identity;
use crate::auth::api_key::KeyHasher;

/// Clocks of gateways and of those who check tokens may differ by so much.
const LEEWAY_SECONDS: i64 = 30;

/// How long an access token is valid: whole seconds, minutes, hours or days, such as `1h`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Lifetime {
    text: String,
    seconds: u32,
}

/// A text that is no lifetime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a lifetime: expected a number and s, m, h or d, from 1m to 1d, such as 1h")]
pub struct InvalidLifetime(String);

impl Lifetime {
    pub fn seconds(&self) -> u32 {
        self.seconds
    }
}

impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds = || {
            let unit = match text.chars().last()? {
                's' => 1,
                'm' => 60,
                'h' => 3_600,
                'd' => 86_400,
                _ => return None,
            };
            let number: u32 = text[..text.len() - 1].parse().ok()?;
            number
                .checked_mul(unit)
                .filter(|seconds| (60..=86_400).contains(seconds))
        };
        let text = text.trim();
        let seconds = seconds().ok_or_else(|| InvalidLifetime(text.to_owned()))?;
        Ok(Self {
            text: text.to_owned(),
            seconds,
        })
    }
}

impl TryFrom<String> for Lifetime {
    type Error = InvalidLifetime;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What an access token says. Role, tier and scope are for its reader; the gateway looks them up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// Id of the user.
    pub sub: Uuid,
    /// The user's e-mail address.
    pub username: String,
    pub role: String,
    pub tier: String,
    /// The scopes, separated by blanks.
    pub scope: String,
    pub iat: i64,
    pub exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Id of the token.
    pub jti: Uuid,
    /// Id of the session.
    pub sid: Uuid,
}

/// What signs access tokens, and what they say about this installation.
#[derive(Debug, Clone, Deserialize)]
pub struct AccessTokenSettings {
    /// Secret for HS256.
    pub jwt_secret: SecretString,
    /// Ed25519 key in PEM (PKCS #8) for EdDSA; empty for HS256.
    pub jwt_private_key: SecretString,
    pub jwt_issuer: String,
    pub jwt_audience: String,
    pub jwt_expires_in: Lifetime,
}

/// Signs and checks access tokens.
pub struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    header: Header,
    validation: Validation,
    issuer: String,
    audience: String,
    lifetime: Lifetime,
}

impl AccessTokens {
    /// Without a secret the tokens are signed with a key derived from the pepper, so that all gateways of a development
    /// installation know one another's.
    ///
    /// # Errors
    ///
    /// The private key is no Ed25519 key in PEM.
    pub fn new(settings: &AccessTokenSettings, hasher: &KeyHasher) -> anyhow::Result<Self> {
        let pem = settings.jwt_private_key.expose_secret();
        let (algorithm, encoding, decoding) = if pem.is_empty() {
            let secret = settings.jwt_secret.expose_secret().as_bytes();
            let derived = hasher.hash_parts(&[b"access tokens"]);
            let secret = if secret.is_empty() { &derived[..] } else { secret };
            let keys = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
            (Algorithm::HS256, keys.0, keys.1)
        } else {
            let (encoding, public) = ed25519_keys(pem)?;
            (Algorithm::EdDSA, encoding, DecodingKey::from_ed_der(&public))
        };
        // One algorithm only: a token must not choose how it is checked.
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&settings.jwt_issuer]);
        validation.set_audience(&[&settings.jwt_audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Times are checked below, by the clock of this process.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self {
            encoding,
            decoding,
            header: Header::new(algorithm),
            validation,
            issuer: settings.jwt_issuer.clone(),
            audience: settings.jwt_audience.clone(),
            lifetime: settings.jwt_expires_in.clone(),
        })
    }

    pub fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }

    /// A token for the session of this identity.
    ///
    /// # Errors
    ///
    /// The identity has no session.
    pub fn issue(&self, identity: &Identity, now: Timestamp) -> anyhow::Result<String> {
        let scope: Vec<&str> = identity.granted_scopes().map(|scope| scope.as_str()).collect();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: identity.user_id,
            username: identity.email.clone(),
            role: identity.role.to_string(),
            tier: identity.tier.to_string(),
            scope: scope.join(" "),
            iat: now.as_second(),
            exp: now.as_second() + i64::from(self.lifetime.seconds),
            nbf: None,
            jti: Uuid::now_v7(),
            sid: identity.session_id.context("an access token without a session")?,
        };
        jsonwebtoken::encode(&self.header, &claims, &self.encoding).context("signing an access token")
    }

    /// The claims of a token that this installation signed and that is valid now.
    ///
    /// # Errors
    ///
    /// [`ProblemKind::TokenExpired`], or [`ProblemKind::InvalidToken`] for everything else that is wrong.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, ProblemKind> {
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation);
        let claims = decoded.map_err(|_| ProblemKind::InvalidToken)?.claims;
        let now = now.as_second();
        let starts_at = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
        if starts_at > now.saturating_add(LEEWAY_SECONDS) {
            return Err(ProblemKind::InvalidToken);
        }
        if claims.exp.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(ProblemKind::TokenExpired);
        }
        Ok(claims)
    }
}

/// The key that signs and the raw public key of an Ed25519 key in PEM.
fn ed25519_keys(pem: &str) -> anyhow::Result<(EncodingKey, Vec<u8>)> {
    const WHAT: &str = "JWT_PRIVATE_KEY is no Ed25519 key in PEM (PKCS #8)";
    let body: String = pem
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = STANDARD.decode(body).context(WHAT)?;
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).context(WHAT)?;
    Ok((EncodingKey::from_ed_der(&der), pair.public_key().as_ref().to_vec()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::{Role, Tier};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";

    fn settings(secret: &str, pem: &str) -> AccessTokenSettings {
        AccessTokenSettings {
            jwt_secret: secret.into(),
            jwt_private_key: pem.into(),
            jwt_issuer: "cryptolens".into(),
            jwt_audience: "cryptolens".into(),
            jwt_expires_in: "1h".parse().unwrap(),
        }
    }

    fn tokens(secret: &str, pem: &str) -> AccessTokens {
        AccessTokens::new(&settings(secret, pem), &KeyHasher::new(&"".into()).unwrap()).unwrap()
    }

    fn identity() -> Identity {
        Identity {
            session_id: Some(Uuid::from_u128(7)),
            ..Identity::of_user(Uuid::from_u128(1), "a@b.example", Role::Reader, Tier::Basic)
        }
    }

    fn start() -> Timestamp {
        Timestamp::from_second(1_772_366_400).unwrap()
    }

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_second(start().as_second() + seconds).unwrap()
    }

    #[rstest]
    #[case(SECRET, "")]
    #[case("", "")]
    #[case("", PEM)]
    fn token_is_valid_until_it_expires(#[case] secret: &str, #[case] pem: &str) {
        let tokens = tokens(secret, pem);
        let token = tokens.issue(&identity(), start()).unwrap();
        let claims = tokens.verify(&token, later(3_600)).unwrap();
        assert_eq!((claims.sub, claims.sid), (Uuid::from_u128(1), Uuid::from_u128(7)));
        assert_eq!((claims.role.as_str(), claims.tier.as_str()), ("reader", "basic"));
        assert!(claims.scope.contains("market:read") && !claims.scope.contains("admin"));
        assert_eq!(tokens.verify(&token, later(3_630)), Err(ProblemKind::TokenExpired));
        assert_eq!(tokens.verify(&token, later(-31)), Err(ProblemKind::InvalidToken));
    }

    /// A token with these changes, signed by `key`.
    fn forged(algorithm: Algorithm, key: &EncodingKey, changes: &Value) -> String {
        let mut claims = json!({
            "iss": "cryptolens", "aud": "cryptolens", "sub": Uuid::from_u128(1), "username": "a", "role": "admin",
            "tier": "basic", "scope": "", "iat": start().as_second(), "exp": later(600).as_second(),
            "jti": Uuid::from_u128(2), "sid": Uuid::from_u128(7),
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        jsonwebtoken::encode(&Header::new(algorithm), &claims, key).unwrap()
    }

    #[rstest]
    #[case(json!({}), true)]
    #[case(json!({"iss": "other"}), false)]
    #[case(json!({"aud": "other"}), false)]
    #[case(json!({"nbf": 1_772_366_431_i64}), false)]
    #[case(json!({"nbf": 1_772_366_430_i64}), true)]
    #[case(json!({"sid": null}), false)]
    #[case(json!({"exp": null}), false)]
    fn claims_of_others_are_refused(#[case] changes: Value, #[case] is_valid: bool) {
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = forged(Algorithm::HS256, &key, &changes);
        let verified = tokens(SECRET, "").verify(&token, start());
        assert_eq!(verified.is_ok(), is_valid, "{verified:?}");
    }

    #[test]
    fn algorithm_is_not_the_tokens_choice() {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

        let (hmac, eddsa) = (tokens(SECRET, ""), tokens("", PEM));
        let secret = EncodingKey::from_secret(SECRET.as_bytes());
        let signed = forged(Algorithm::HS256, &secret, &json!({}));
        let (_, rest) = signed.split_once('.').unwrap();
        let (payload, signature) = rest.split_once('.').unwrap();
        for (header, signature) in [
            (r#"{"alg":"none","typ":"JWT"}"#, ""),
            (r#"{"alg":"none","typ":"JWT"}"#, signature),
            (r#"{"alg":"HS512","typ":"JWT"}"#, signature),
            (r#"{"typ":"JWT"}"#, signature),
        ] {
            let token = format!("{}.{payload}.{signature}", BASE64.encode(header));
            assert_eq!(hmac.verify(&token, start()), Err(ProblemKind::InvalidToken), "{header}");
        }
        let others = EncodingKey::from_secret(b"another secret");
        for token in [
            forged(Algorithm::HS384, &secret, &json!({})),
            forged(Algorithm::HS256, &others, &json!({})),
            eddsa.issue(&identity(), start()).unwrap(),
        ] {
            assert_eq!(hmac.verify(&token, start()), Err(ProblemKind::InvalidToken));
        }
        // The public key is no secret: it must not pass for one of HS256.
        let public = EncodingKey::from_secret(&ed25519_keys(PEM).unwrap().1);
        let token = forged(Algorithm::HS256, &public, &json!({}));
        assert_eq!(eddsa.verify(&token, start()), Err(ProblemKind::InvalidToken));
        assert!(hmac.verify(&signed, start()).is_ok());
    }

    #[rstest]
    #[case("1h", Some(3_600))]
    #[case("60s", Some(60))]
    #[case("15m", Some(900))]
    #[case("1d", Some(86_400))]
    #[case("59s", None)]
    #[case("2d", None)]
    #[case("3600", None)]
    #[case("h", None)]
    #[case("1ü", None)]
    #[case("", None)]
    fn lifetime_is_a_number_and_a_unit(#[case] text: &str, #[case] seconds: Option<u32>) {
        assert_eq!(
            text.parse::<Lifetime>().ok().map(|lifetime| lifetime.seconds()),
            seconds
        );
    }
}
