package interop;

import static org.springframework.security.config.Customizer.withDefaults;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.ClientSecretPost;
import com.nimbusds.oauth2.sdk.auth.PrivateKeyJWT;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.jose.jwk.ECKey;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.http.MediaType;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.AuthorizedClientServiceOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestClient;
import tools.jackson.databind.json.JsonMapper;

/**
 * Spring's OAuth client and resource server, and Nimbus' SDK, asked by the test: one JSON object a line in, one a line out.
 * `{library, by}` obtains a token and calls the agent with it, `{library, token}` verifies one; a failure is `{error}`.
 */
@SpringBootApplication
@RestController
public class Interop {
  static final String ISSUER = System.getenv("ISSUER");

  public static void main(String[] args) {
    // Whatever goes wrong, the server's threads do not keep the process.
    try {
      answerAll(args);
    } catch (Exception error) {
      error.printStackTrace();
    }
    System.exit(0);
  }

  static void answerAll(String[] args) throws Exception {
    var out = System.out;
    System.setOut(System.err);
    var context = SpringApplication.run(Interop.class, args);
    var port = context.getEnvironment().getProperty("local.server.port");
    var libraries = Map.of(
        "Spring Security", new Spring(
            context.getBean(ClientRegistrationRepository.class),
            context.getBean(OAuth2AuthorizedClientService.class),
            RestClient.create("http://127.0.0.1:" + port)),
        "Nimbus", new Nimbus());
    var json = JsonMapper.shared();
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      var wanted = json.readTree(line);
      Object answer;
      try {
        var library = libraries.get(wanted.get("library").asString());
        if (wanted.has("token")) {
          answer = Map.of("sub", library.verify(wanted.get("token").asString()));
        } else {
          var token = library.obtain(wanted.get("by").asString());
          answer = Map.of("token", token, "answer", json.readTree(infer(token)));
        }
      } catch (Throwable error) {
        answer = Map.of("error", error.toString());
      }
      out.println(json.writeValueAsString(answer));
    }
  }

  static String infer(String token) {
    return RestClient.create(ISSUER).post().uri("/api/v1/infer").contentType(MediaType.APPLICATION_JSON)
        .headers((headers) -> headers.setBearerAuth(token)).body("{\"prompt\": \"Hello\", \"spec_ids\": []}")
        .retrieve().body(String.class);
  }

  @Bean
  JwtDecoder jwtDecoder(@Value("${spring.security.oauth2.resourceserver.jwt.issuer-uri}") String issuer) {
    NimbusJwtDecoder decoder = NimbusJwtDecoder.withIssuerLocation(issuer).validateType(false).build();
    decoder.setJwtValidator(JwtValidators.createAtJwtValidator().issuer(issuer).audience("rebelcore-api").build());
    return decoder;
  }

  @Bean
  SecurityFilterChain resources(HttpSecurity http) throws Exception {
    return http.authorizeHttpRequests((all) -> all.anyRequest().authenticated())
        .oauth2ResourceServer((server) -> server.jwt(withDefaults())).build();
  }

  /** The route that Spring's resource server protects. */
  @GetMapping("/sub")
  String sub(@AuthenticationPrincipal Jwt token) {
    return token.getSubject();
  }

  interface Library {
    String obtain(String by) throws Exception;

    /** The subject of a token that counts. */
    String verify(String token) throws Exception;
  }

  record Spring(ClientRegistrationRepository registrations, OAuth2AuthorizedClientService clients, RestClient resources)
      implements Library {
    public String obtain(String by) {
      clients.removeAuthorizedClient(by, "interop");
      var manager = new AuthorizedClientServiceOAuth2AuthorizedClientManager(registrations, clients);
      var wanted = OAuth2AuthorizeRequest.withClientRegistrationId(by).principal("interop").build();
      return manager.authorize(wanted).getAccessToken().getTokenValue();
    }

    public String verify(String token) {
      return resources.get().uri("/sub").headers((headers) -> headers.setBearerAuth(token)).retrieve().body(String.class);
    }
  }

  static final class Nimbus implements Library {
    private final AuthorizationServerMetadata server;
    private final DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();

    Nimbus() throws Exception {
      server = AuthorizationServerMetadata.resolve(new Issuer(ISSUER));
      var keys = JWKSourceBuilder.create(server.getJWKSetURI().toURL()).build();
      processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
      processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.ES256, keys));
      processor.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(
          "rebelcore-api", new JWTClaimsSet.Builder().issuer(ISSUER).build(), Set.of("sub", "exp", "jti")));
    }

    public String obtain(String by) throws Exception {
      var request = new TokenRequest.Builder(server.getTokenEndpointURI(), authentication(by), new ClientCredentialsGrant());
      var answer = TokenResponse.parse(request.build().toHTTPRequest().send());
      if (!answer.indicatesSuccess()) throw new IllegalStateException(answer.toErrorResponse().getErrorObject().toString());
      return answer.toSuccessResponse().getTokens().getBearerAccessToken().getValue();
    }

    private ClientAuthentication authentication(String by) throws Exception {
      var id = new ClientID(System.getenv("CLIENT_ID"));
      var secret = new Secret(System.getenv("CLIENT_SECRET"));
      return switch (by) {
        case "client_secret_basic" -> new ClientSecretBasic(id, secret);
        case "client_secret_post" -> new ClientSecretPost(id, secret);
        case "private_key_jwt" -> {
          var key = ECKey.parse(System.getenv("PRIVATE_KEY"));
          yield new PrivateKeyJWT(id, URI.create(ISSUER), JWSAlgorithm.ES256, key.toECPrivateKey(), null, null);
        }
        default -> throw new IllegalArgumentException(by);
      };
    }

    public String verify(String token) throws Exception {
      return processor.process(token, null).getSubject();
    }
  }
}
