# Lists: pages, choices, orders, and every parameter when it is wrong.
mira: all.User owner=mira
tom: things.read owner=tom

>>>
GET /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"totalCount":2,"pageSize":200,"nextPageKey":null,"apiTokens":[{"id":"$public1","name":"tom","enabled":true,"owner":"tom","creationDate":"$time"},{"id":"$public2","name":"mira","enabled":true,"owner":"mira","creationDate":"$time"}]}
>>>
GET /api/v2/apiTokens?sort=+name&pageSize=100&fields=name,scopes HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"totalCount":2,"pageSize":100,"nextPageKey":null,"apiTokens":[{"id":"$public2","name":"mira","scopes":["all.User"]},{"id":"$public1","name":"tom","scopes":["things.read"]}]}
>>>
GET /api/v2/apiTokens?apiTokenSelector=owner(%22tom%22)%2Cscope(%22things.read%22%2C%22x%22)&fields=id HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"totalCount":1,"pageSize":200,"nextPageKey":null,"apiTokens":[{"id":"$public1"}]}
>>>
GET /api/v2/apiTokens?from=2020-01-02T03%3A04%3A05.006%2B00%3A00&to=2021-01-02+03:04 HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"totalCount":0,"pageSize":200,"nextPageKey":null,"apiTokens":[]}
>>>
GET /api/v2/apiTokens?pageSize=99&apiTokenSelector=owner(tom)&fields=secret&from=yesterday&to=now-1q&sort=owner HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[{"path":"pageSize","message":"must be a whole number from 100 to 10000","parameterLocation":"QUERY","location":null},{"path":"apiTokenSelector","message":"must be criteria between commas, each owner(\"...\"), personalAccessToken(true|false) or scope(\"...\",\"...\"); it goes wrong about byte 7","parameterLocation":"QUERY","location":null},{"path":"fields","message":"must be a comma-separated list of id, name, enabled, owner, creationDate, personalAccessToken, expirationDate, lastUsedDate, lastUsedIpAddress, modifiedDate, scopes, additionalMetadata, each with or without + or -","parameterLocation":"QUERY","location":null},{"path":"from","message":"must be UTC milliseconds, a date such as $time, or now, now-2d, now+14d/d (units m h d w M y)","parameterLocation":"QUERY","location":null},{"path":"to","message":"must be UTC milliseconds, a date such as $time, or now, now-2d, now+14d/d (units m h d w M y)","parameterLocation":"QUERY","location":null},{"path":"sort","message":"must be one of name, lastUsedDate, creationDate, expirationDate, modifiedDate, with + or - before it","parameterLocation":"QUERY","location":null}]}}
>>>
GET /api/v2/apiTokens?nextPageKey=nonsense HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[{"path":"nextPageKey","message":"is not the key of a next page: take it as it was given, from the page before","parameterLocation":"QUERY","location":null}]}}
>>>
GET /api/v2/apiTokens?nextPageKey=nonsense&pageSize=100 HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[{"path":"nextPageKey","message":"must be the only parameter: it holds the others","parameterLocation":"QUERY","location":null}]}}
>>>
GET /api/v2/apiTokens?sort=name&sort=-name HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":400,"message":"Constraints violated.","constraintViolations":[{"path":"sort","message":"must be given once","parameterLocation":"QUERY","location":null}]}}
