// What NATS's own Go libraries say: nkeys, JWTs, credentials files, configurations, bcrypt, and URLs as Go programs read them.
//
// One JSON object a line in, one a line out: {"op": …} and its answer. An answer with "error" says why there is no other.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/conf"
	"github.com/nats-io/nkeys"
	"golang.org/x/crypto/bcrypt"
)

type request struct {
	Op       string `json:"op"`
	Text     string `json:"text"`
	Password string `json:"password"`
	User     string `json:"user"`
	Cost     int    `json:"cost"`
	Count    int    `json:"count"`
}

type answer map[string]any

func answerTo(r request) (answer, error) {
	switch r.Op {
	case "nkey":
		pair, err := nkeys.FromSeed([]byte(r.Text))
		if err != nil {
			return nil, err
		}
		public, err := pair.PublicKey()
		return answer{"public": public}, err
	case "jwt":
		claims, err := jwt.Decode(r.Text)
		if err != nil {
			return nil, err
		}
		results := jwt.CreateValidationResults()
		claims.Validate(results)
		issues := []string{}
		for _, issue := range results.Issues {
			issues = append(issues, issue.Description)
		}
		return answer{"type": claims.ClaimType(), "claims": json.RawMessage(claims.String()), "issues": issues}, nil
	case "creds":
		token, err := nkeys.ParseDecoratedJWT([]byte(r.Text))
		if err != nil {
			return nil, err
		}
		pair, err := nkeys.ParseDecoratedUserNKey([]byte(r.Text))
		if err != nil {
			return nil, err
		}
		public, err := pair.PublicKey()
		if err != nil {
			return nil, err
		}
		user, err := jwt.DecodeUserClaims(token)
		if err != nil {
			return nil, err
		}
		return answer{"jwt": token, "public": public, "subject": user.Subject}, nil
	case "mint":
		operator, _ := nkeys.CreateOperator()
		account, _ := nkeys.CreateAccount()
		user, _ := nkeys.CreateUser()
		operatorKey, _ := operator.PublicKey()
		accountKey, _ := account.PublicKey()
		userKey, _ := user.PublicKey()
		oc := jwt.NewOperatorClaims(operatorKey)
		oc.Name = "theirs <&>"
		oc.SystemAccount = accountKey
		operatorToken, err := oc.Encode(operator)
		if err != nil {
			return nil, err
		}
		ac := jwt.NewAccountClaims(accountKey)
		ac.Name = "APP"
		accountToken, err := ac.Encode(operator)
		if err != nil {
			return nil, err
		}
		uc := jwt.NewUserClaims(userKey)
		uc.Name = "someone"
		uc.Permissions.Pub.Allow.Add("a.>")
		userToken, err := uc.Encode(account)
		if err != nil {
			return nil, err
		}
		seed, _ := user.Seed()
		creds, err := jwt.FormatUserConfig(userToken, seed)
		return answer{"operator": operatorToken, "account": accountToken, "user": userToken, "creds": string(creds),
			"operatorKey": operatorKey, "accountKey": accountKey, "userKey": userKey}, err
	case "url":
		parsed, err := url.Parse(fmt.Sprintf("nats://%s:%s@nats-service:4222", r.User, r.Password))
		if err != nil {
			// The error of net/url repeats the URL.
			return answer{"same": false}, nil
		}
		password, _ := parsed.User.Password()
		return answer{"same": password == r.Password && parsed.User.Username() == r.User && parsed.Host == "nats-service:4222"}, nil
	case "conf":
		if err := os.WriteFile(r.User, []byte(r.Text), 0o600); err != nil {
			return nil, err
		}
		_, digest, err := conf.ParseFileWithChecksDigest(r.User)
		return answer{"digest": digest}, err
	case "bcrypt":
		return answer{"same": bcrypt.CompareHashAndPassword([]byte(r.Text), []byte(r.Password)) == nil}, nil
	case "hash":
		hash, err := bcrypt.GenerateFromPassword([]byte(r.Password), r.Cost)
		return answer{"hash": string(hash)}, err
	case "time":
		start := time.Now()
		for range r.Count {
			if _, err := bcrypt.GenerateFromPassword([]byte("correct horse battery staple"), r.Cost); err != nil {
				return nil, err
			}
		}
		return answer{"seconds": time.Since(start).Seconds() / float64(r.Count)}, nil
	}
	return nil, fmt.Errorf("no such op: %q", r.Op)
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<22)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var r request
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		a, err := answerTo(r)
		if err != nil {
			a = answer{"error": err.Error()}
		}
		if err := out.Encode(a); err != nil {
			os.Exit(1)
		}
	}
}
