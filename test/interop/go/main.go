// Command interop is golang.org/x/oauth2/clientcredentials, asked by the test: one JSON object a line in, one a line out.
// {by} obtains a token and calls the agent with it; a failure is {error}.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

var styles = map[string]oauth2.AuthStyle{
	// What the library does when nothing is said: Basic first, the form when that is refused.
	"auto-detected":       oauth2.AuthStyleAutoDetect,
	"client_secret_basic": oauth2.AuthStyleInHeader,
	"client_secret_post":  oauth2.AuthStyleInParams,
}

func main() {
	encoder := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var wanted struct{ By string }
		answer := map[string]any{}
		err := json.Unmarshal(lines.Bytes(), &wanted)
		if err == nil {
			answer, err = call(wanted.By)
		}
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		if err := encoder.Encode(answer); err != nil {
			panic(err)
		}
	}
}

func call(by string) (map[string]any, error) {
	issuer := os.Getenv("ISSUER")
	config := clientcredentials.Config{
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		TokenURL:     issuer + "/oauth2/token",
		AuthStyle:    styles[by],
	}
	token, err := config.Token(context.Background())
	if err != nil {
		return nil, err
	}
	client := oauth2.NewClient(context.Background(), oauth2.StaticTokenSource(token))
	body := strings.NewReader(`{"prompt": "Hello", "spec_ids": []}`)
	answer, err := client.Post(issuer+"/api/v1/infer", "application/json", body)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s %w", answer.Status, text, err)
	}
	return map[string]any{"token": token.AccessToken, "answer": json.RawMessage(text)}, nil
}
