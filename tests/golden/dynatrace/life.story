# One token from its making to its end: each operation of the contract page, and what its answers look like.
mira: all.User owner=mira

>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira
content-type: application/json

{"personalAccessToken": false, "expirationDate": null, "name": "cap one", "scopes": ["metrics.read", "logs.ingest", "metrics.read"]}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"id":"$public1","token":"$dynatrace1"}
>>>
GET /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"id":"$public1","name":"cap one","enabled":true,"owner":"mira","personalAccessToken":false,"scopes":["metrics.read","logs.ingest"],"creationDate":"$time"}
>>>
PUT /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $mira

{"enabled": false, "name": null, "owner": "tom"}

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
POST /api/v2/apiTokens/lookup HTTP/1.1
Authorization: Api-Token $mira

{"token": "$dynatrace1"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"id":"$public1","name":"cap one","enabled":false,"owner":"mira","personalAccessToken":false,"scopes":["metrics.read","logs.ingest"],"creationDate":"$time"}
>>>
PUT /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $mira

{"enabled": true, "name": "cap two", "scopes": ["logs.ingest", "things.read", "team.reader"]}

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"id":"$public1","name":"cap two","enabled":true,"owner":"mira","personalAccessToken":false,"scopes":["logs.ingest","things.read","team.reader"],"creationDate":"$time","modifiedDate":"$time"}
>>>
GET /api/v2/apiTokens?fields=%2Bscopes%2C%2BpersonalAccessToken%2C-owner HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"totalCount":2,"pageSize":200,"nextPageKey":null,"apiTokens":[{"id":"$public1","name":"cap two","enabled":true,"personalAccessToken":false,"scopes":["logs.ingest","things.read","team.reader"],"creationDate":"$time"},{"id":"$public2","name":"mira","enabled":true,"personalAccessToken":false,"scopes":["all.User"],"creationDate":"$time"}]}
>>>
DELETE /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /api/v2/apiTokens/$public1 HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":404,"message":"There is no such token."}}
>>>
POST /api/v2/apiTokens HTTP/1.1
Authorization: Api-Token $mira

{"name": "by its secret", "scopes": ["DataExport"], "personalAccessToken": true, "expirationDate": "2091-05-01T12:30:15.250+02:00"}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"id":"$public3","token":"$dynatrace2","expirationDate":"$time"}
>>>
GET /api/v2/apiTokens/$public3 HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"id":"$public3","name":"by its secret","enabled":true,"owner":"mira","personalAccessToken":true,"scopes":["DataExport"],"creationDate":"$time","expirationDate":"$time"}
>>>
POST /api/v2/apiTokens/lookup HTTP/1.1
Authorization: Api-Token $dynatrace2

{"token": "$dynatrace2"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"id":"$public3","name":"by its secret","enabled":true,"owner":"mira","personalAccessToken":true,"scopes":["DataExport"],"creationDate":"$time","expirationDate":"$time"}
>>>
DELETE /api/v2/apiTokens/$dynatrace2 HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
POST /api/v2/apiTokens/lookup HTTP/1.1
Authorization: Api-Token $mira

{"token": "$dynatrace2"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json; charset=utf-8
x-content-type-options: nosniff

{"error":{"code":404,"message":"There is no such token."}}
