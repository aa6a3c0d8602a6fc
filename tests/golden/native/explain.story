# Why a request would be let through, or not.
mira: admin.read owner=mira
plain: things.read owner=tom
else: extras.one.three owner=tom network=10.0.0.0/8
>>>
POST /admin/v1/explain HTTP/1.1
Authorization: Bearer $mira

{"method": "GET", "path": "/anything/x%2e", "token": "$plain_id", "address": "192.0.2.7"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"verdict":"allowed","status":null,"reason":"upstream httpbin","steps":[{"step":"route","outcome":"pass","detail":"The route things is taken, to upstream httpbin.","facts":{"host":null,"methods":null,"normal_path":"/anything/x.","path":"/anything","preflight":false,"public":false,"route":"things","stale_for_seconds":600,"target":"upstream httpbin"}},{"step":"credential","outcome":"pass","detail":"It is looked for in Authorization: Bearer, Authorization: Api-Token, header xms-auth-token, query token, and removed from there.","facts":{"given":true,"in_query":false,"places":["Authorization: Bearer","Authorization: Api-Token","header xms-auth-token","query token"]}},{"step":"record","outcome":"pass","detail":"The token is known; this sidecar does not hold it yet.","facts":{"account":"acme","cached":null,"generation":0,"id":"$plain_id","name":"plain","owner":"tom","serial":2,"updated_at":"$time"}},{"step":"status","outcome":"pass","detail":"The token is enabled.","facts":{"status":"enabled"}},{"step":"expiry","outcome":"pass","detail":"Neither token nor secret is past its date.","facts":{"expires_at":null,"now":"$time","secret_expires_at":null}},{"step":"region","outcome":"pass","detail":"The token is valid in the region of this sidecar.","facts":{"sidecar":"local","token":""}},{"step":"network","outcome":"pass","detail":"The token may be used from anywhere.","facts":{"address":"192.0.2.7","networks":[]}},{"step":"scopes","outcome":"pass","detail":"The token holds what the route needs.","facts":{"held":["things.read"],"missing":[],"missing_one_of":[],"needed":["things.read"],"needed_one_of":[]}},{"step":"limits","outcome":"pass","detail":"A call is left of the quota; the bucket is full as far as this sidecar knows.","facts":{"cached":false,"minute":{"full_at":"$time","refill_per_second":10000.0,"remaining":100000,"size":100000,"used":0},"month":{"remaining":1000000,"resets_at":"$time","size":1000000,"used":0},"plan":"default"}}]}
>>>
POST /admin/v1/explain HTTP/1.1
Authorization: Bearer $mira

{"method": "GET", "path": "/anything/narrow", "secret": "$plain"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"verdict":"refused","status":403,"reason":"scope","steps":[{"step":"route","outcome":"pass","detail":"The route narrow is taken, to upstream httpbin.","facts":{"host":null,"methods":null,"normal_path":"/anything/narrow","path":"/anything/narrow","preflight":false,"public":false,"route":"narrow","stale_for_seconds":600,"target":"upstream httpbin"}},{"step":"credential","outcome":"pass","detail":"It is looked for in Authorization: Bearer, Authorization: Api-Token, header xms-auth-token, query token, and removed from there.","facts":{"given":true,"in_query":false,"places":["Authorization: Bearer","Authorization: Api-Token","header xms-auth-token","query token"]}},{"step":"record","outcome":"pass","detail":"The token is known; this sidecar does not hold it yet.","facts":{"account":"acme","cached":null,"generation":0,"id":"$plain_id","name":"plain","owner":"tom","serial":2,"updated_at":"$time"}},{"step":"status","outcome":"pass","detail":"The token is enabled.","facts":{"status":"enabled"}},{"step":"expiry","outcome":"pass","detail":"Neither token nor secret is past its date.","facts":{"expires_at":null,"now":"$time","secret_expires_at":null}},{"step":"region","outcome":"pass","detail":"The token is valid in the region of this sidecar.","facts":{"sidecar":"local","token":""}},{"step":"network","outcome":"pass","detail":"The token may be used from anywhere.","facts":{"address":null,"networks":[]}},{"step":"scopes","outcome":"fail","detail":"The token lacks extras.one.two.","facts":{"held":["things.read"],"missing":["extras.one.two"],"missing_one_of":[],"needed":["extras.one.two"],"needed_one_of":[]}},{"step":"limits","outcome":"pass","detail":"A call is left of the quota; the bucket is full as far as this sidecar knows.","facts":{"cached":false,"minute":{"full_at":"$time","refill_per_second":10000.0,"remaining":100000,"size":100000,"used":0},"month":{"remaining":1000000,"resets_at":"$time","size":1000000,"used":0},"plan":"default"}}]}
>>>
POST /admin/v1/explain HTTP/1.1
Authorization: Bearer $mira

{"method": "GET", "path": "/anything/either", "token": "$else_id", "address": "192.0.2.7"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"verdict":"refused","status":401,"reason":"network","steps":[{"step":"route","outcome":"pass","detail":"The route either is taken, to upstream httpbin.","facts":{"host":null,"methods":null,"normal_path":"/anything/either","path":"/anything/either","preflight":false,"public":false,"route":"either","stale_for_seconds":600,"target":"upstream httpbin"}},{"step":"credential","outcome":"pass","detail":"It is looked for in Authorization: Bearer, Authorization: Api-Token, header xms-auth-token, query token, and removed from there.","facts":{"given":true,"in_query":false,"places":["Authorization: Bearer","Authorization: Api-Token","header xms-auth-token","query token"]}},{"step":"record","outcome":"pass","detail":"The token is known; this sidecar does not hold it yet.","facts":{"account":"acme","cached":null,"generation":0,"id":"$else_id","name":"else","owner":"tom","serial":3,"updated_at":"$time"}},{"step":"status","outcome":"pass","detail":"The token is enabled.","facts":{"status":"enabled"}},{"step":"expiry","outcome":"pass","detail":"Neither token nor secret is past its date.","facts":{"expires_at":null,"now":"$time","secret_expires_at":null}},{"step":"region","outcome":"pass","detail":"The token is valid in the region of this sidecar.","facts":{"sidecar":"local","token":""}},{"step":"network","outcome":"fail","detail":"The address is outside the token's networks.","facts":{"address":"192.0.2.7","networks":["10.0.0.0/8"]}},{"step":"scopes","outcome":"fail","detail":"The token lacks all of other.read, things.write.","facts":{"held":["extras.one.three"],"missing":[],"missing_one_of":["other.read","things.write"],"needed":[],"needed_one_of":["other.read","things.write"]}},{"step":"limits","outcome":"pass","detail":"A call is left of the quota; the bucket is full as far as this sidecar knows.","facts":{"cached":false,"minute":{"full_at":"$time","refill_per_second":10000.0,"remaining":100000,"size":100000,"used":0},"month":{"remaining":1000000,"resets_at":"$time","size":1000000,"used":0},"plan":"default"}}]}
>>>
POST /admin/v1/explain HTTP/1.1
Authorization: Bearer $mira

{"method": "GET", "path": "/anything", "query": "a=1&token=$plain", "token": "$else_id"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"verdict":"refused","status":400,"reason":"ambiguous","steps":[{"step":"route","outcome":"pass","detail":"The route things is taken, to upstream httpbin.","facts":{"host":null,"methods":null,"normal_path":"/anything","path":"/anything","preflight":false,"public":false,"route":"things","stale_for_seconds":600,"target":"upstream httpbin"}},{"step":"credential","outcome":"fail","detail":"The query holds another credential than the one given.","facts":{"given":true,"in_query":true,"places":["Authorization: Bearer","Authorization: Api-Token","header xms-auth-token","query token"]}},{"step":"record","outcome":"pass","detail":"The token is known; this sidecar does not hold it yet.","facts":{"account":"acme","cached":null,"generation":0,"id":"$else_id","name":"else","owner":"tom","serial":3,"updated_at":"$time"}},{"step":"status","outcome":"pass","detail":"The token is enabled.","facts":{"status":"enabled"}},{"step":"expiry","outcome":"pass","detail":"Neither token nor secret is past its date.","facts":{"expires_at":null,"now":"$time","secret_expires_at":null}},{"step":"region","outcome":"pass","detail":"The token is valid in the region of this sidecar.","facts":{"sidecar":"local","token":""}},{"step":"network","outcome":"skip","detail":"The token may be used from some networks only; give an address to check it.","facts":{"address":null,"networks":["10.0.0.0/8"]}},{"step":"scopes","outcome":"fail","detail":"The token lacks things.read.","facts":{"held":["extras.one.three"],"missing":["things.read"],"missing_one_of":[],"needed":["things.read"],"needed_one_of":[]}},{"step":"limits","outcome":"pass","detail":"A call is left of the quota; the bucket is full as far as this sidecar knows.","facts":{"cached":false,"minute":{"full_at":"$time","refill_per_second":10000.0,"remaining":100000,"size":100000,"used":0},"month":{"remaining":1000000,"resets_at":"$time","size":1000000,"used":0},"plan":"default"}}]}
>>>
POST /admin/v1/explain HTTP/1.1
Authorization: Bearer $mira

{"method": "GET", "path": "/anything/open"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"verdict":"allowed","status":null,"reason":"upstream httpbin","steps":[{"step":"route","outcome":"pass","detail":"The route open is taken, to upstream httpbin.","facts":{"host":null,"methods":null,"normal_path":"/anything/open","path":"/anything/open","preflight":false,"public":true,"route":"open","stale_for_seconds":600,"target":"upstream httpbin"}},{"step":"credential","outcome":"skip","detail":"The route is public: a credential is removed and not looked at.","facts":{}}]}
>>>
POST /admin/v1/explain HTTP/1.1
Authorization: Bearer $mira

{"method": "DELETE", "path": "/get", "token": "$plain_id"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"verdict":"refused","status":405,"reason":"method-not-allowed","steps":[{"step":"route","outcome":"fail","detail":"This path is not served for this method. It is for GET, HEAD.","facts":{}},{"step":"credential","outcome":"skip","detail":"There is no route to look for one.","facts":{}},{"step":"record","outcome":"pass","detail":"The token is known; this sidecar does not hold it yet.","facts":{"account":"acme","cached":null,"generation":0,"id":"$plain_id","name":"plain","owner":"tom","serial":2,"updated_at":"$time"}},{"step":"status","outcome":"pass","detail":"The token is enabled.","facts":{"status":"enabled"}},{"step":"expiry","outcome":"pass","detail":"Neither token nor secret is past its date.","facts":{"expires_at":null,"now":"$time","secret_expires_at":null}},{"step":"region","outcome":"pass","detail":"The token is valid in the region of this sidecar.","facts":{"sidecar":"local","token":""}},{"step":"network","outcome":"pass","detail":"The token may be used from anywhere.","facts":{"address":null,"networks":[]}},{"step":"scopes","outcome":"skip","detail":"There is no route to need any.","facts":{}},{"step":"limits","outcome":"pass","detail":"A call is left of the quota; the bucket is full as far as this sidecar knows.","facts":{"cached":false,"minute":{"full_at":"$time","refill_per_second":10000.0,"remaining":100000,"size":100000,"used":0},"month":{"remaining":1000000,"resets_at":"$time","size":1000000,"used":0},"plan":"default"}}]}
>>>
POST /admin/v1/explain HTTP/1.1
Authorization: Bearer $mira

{"method": "GET", "path": "/anything/%2e%2e/%2f"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"verdict":"refused","status":400,"reason":"bad-request","steps":[{"step":"route","outcome":"fail","detail":"The path can be read in more than one way.","facts":{}},{"step":"credential","outcome":"skip","detail":"There is no route to look for one.","facts":{}}]}
>>>
POST /admin/v1/explain HTTP/1.1
Authorization: Bearer $mira

{"method": "GET", "path": "/anything", "secret": "nobody-has-this-one"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"verdict":"refused","status":401,"reason":"unknown","steps":[{"step":"route","outcome":"pass","detail":"The route things is taken, to upstream httpbin.","facts":{"host":null,"methods":null,"normal_path":"/anything","path":"/anything","preflight":false,"public":false,"route":"things","stale_for_seconds":600,"target":"upstream httpbin"}},{"step":"credential","outcome":"pass","detail":"It is looked for in Authorization: Bearer, Authorization: Api-Token, header xms-auth-token, query token, and removed from there.","facts":{"given":true,"in_query":false,"places":["Authorization: Bearer","Authorization: Api-Token","header xms-auth-token","query token"]}},{"step":"record","outcome":"fail","detail":"No token that this caller may see has this secret.","facts":{}}]}
>>>
POST /admin/v1/explain HTTP/1.1
Authorization: Bearer $mira

{"method": "GET", "path": "/nowhere", "host": "api.example:80"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"verdict":"refused","status":404,"reason":"no-route","steps":[{"step":"route","outcome":"fail","detail":"Nothing is served at this path.","facts":{}},{"step":"credential","outcome":"skip","detail":"There is no route to look for one.","facts":{}}]}
