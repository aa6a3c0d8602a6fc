# The five actions on the caller's own tokens, from making one to deleting it.
ADA: all.User owner=mira
>>>
POST /me/tokens?_actions=false&_links=true&_embedded=true HTTP/1.1
Authorization: Bearer $ADA
Content-Type: application/json

{"name":"nightly export","scope":["userApiTokens.get","things.read"],"expirationDate":"2091-05-01T02:00:00+02:00","description":"d","defaultRole":"view","orgRoles":[{"orgId":"sandbox","role":"none","applicationRoles":[{"resourceId":"5e9f10aa44c0de0011223344","role":"view"}],"dashboardRoles":[]}]}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex1","apiTokenId":"$hex1","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"nightly export","description":"d","status":"active","creationDate":"$time","lastUpdated":"$time","expirationDate":"$time","defaultRole":"view","orgRoles":[{"orgId":"sandbox","role":"none","applicationRoles":[{"resourceId":"5e9f10aa44c0de0011223344","role":"view"}],"dashboardRoles":[]}],"scope":["userApiTokens.get","things.read"],"token":"$secret1","_type":"userApiToken","_links":{"self":{"href":"/me/tokens/$hex1"},"userApiTokens":{"href":"/me/tokens"}}}
>>>
GET /me/tokens/$hex1?_actions=false&_links=true&_embedded=true HTTP/1.1
Authorization: JWT $ADA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex1","apiTokenId":"$hex1","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"nightly export","description":"d","status":"active","creationDate":"$time","lastUpdated":"$time","expirationDate":"$time","defaultRole":"view","orgRoles":[{"orgId":"sandbox","role":"none","applicationRoles":[{"resourceId":"5e9f10aa44c0de0011223344","role":"view"}],"dashboardRoles":[]}],"scope":["userApiTokens.get","things.read"],"_type":"userApiToken","_links":{"self":{"href":"/me/tokens/$hex1"},"userApiTokens":{"href":"/me/tokens"}}}
>>>
GET /me/tokens?_actions=false&_links=true&_embedded=true HTTP/1.1
Authorization: Bearer $secret1

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":2,"totalCount":2,"items":[{"id":"$hex2","apiTokenId":"$hex2","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex3","creatorType":"user","creatorName":"operator","name":"ADA","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["all.User"],"_type":"userApiToken","_links":{"self":{"href":"/me/tokens/$hex2"},"userApiTokens":{"href":"/me/tokens"}}},{"id":"$hex1","apiTokenId":"$hex1","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"nightly export","description":"d","status":"active","creationDate":"$time","lastUpdated":"$time","expirationDate":"$time","defaultRole":"view","orgRoles":[{"orgId":"sandbox","role":"none","applicationRoles":[{"resourceId":"5e9f10aa44c0de0011223344","role":"view"}],"dashboardRoles":[]}],"scope":["userApiTokens.get","things.read"],"_type":"userApiToken","_links":{"self":{"href":"/me/tokens/$hex1"},"userApiTokens":{"href":"/me/tokens"}}}],"page":0,"perPage":100,"sortField":"name","sortDirection":"asc","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","_type":"userApiTokens","_links":{"self":{"href":"/me/tokens"}}}
>>>
PATCH /me/tokens/$hex1?_actions=false&_links=true&_embedded=true HTTP/1.1
Authorization: Bearer $ADA
Content-Type: application/json

{"status":"inactive"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex1","apiTokenId":"$hex1","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"nightly export","description":"d","status":"inactive","creationDate":"$time","lastUpdated":"$time","expirationDate":"$time","defaultRole":"view","orgRoles":[{"orgId":"sandbox","role":"none","applicationRoles":[{"resourceId":"5e9f10aa44c0de0011223344","role":"view"}],"dashboardRoles":[]}],"scope":["userApiTokens.get","things.read"],"_type":"userApiToken","_links":{"self":{"href":"/me/tokens/$hex1"},"userApiTokens":{"href":"/me/tokens"}}}
>>>
GET /me/tokens HTTP/1.1
Authorization: Bearer $secret1

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"Unauthorized","message":"Invalid access token"}
>>>
PATCH /me/tokens/$hex1?_actions=false&_links=false HTTP/1.1
Authorization: Bearer $ADA
Content-Type: application/json

{"name":"weekly export","description":"","status":"active","orgRoles":[],"defaultRole":"edit"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex1","apiTokenId":"$hex1","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"weekly export","status":"active","creationDate":"$time","lastUpdated":"$time","expirationDate":"$time","defaultRole":"edit","orgRoles":[],"scope":["userApiTokens.get","things.read"],"_type":"userApiToken"}
>>>
PATCH /me/tokens/$hex1?_actions=false&_links=false HTTP/1.1
Authorization: Bearer $ADA
Content-Type: application/json

{}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex1","apiTokenId":"$hex1","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"weekly export","status":"active","creationDate":"$time","lastUpdated":"$time","expirationDate":"$time","defaultRole":"edit","orgRoles":[],"scope":["userApiTokens.get","things.read"],"_type":"userApiToken"}
>>>
DELETE /me/tokens/$hex1?_actions=false&_links=true&_embedded=true HTTP/1.1
Authorization: Bearer $ADA
Content-Type: application/json

{}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"success":true}
>>>
GET /me/tokens/$hex1 HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"API Token was not found"}
>>>
DELETE /me/tokens/$hex1 HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"API Token was not found"}
>>>
GET /me/tokens HTTP/1.1
Authorization: Bearer $secret1

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"Unauthorized","message":"Invalid access token"}
>>>
POST /me/tokens?_links=0 HTTP/1.1
Authorization: Bearer $ADA

{"name":"all that its maker holds"}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex4","apiTokenId":"$hex4","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"all that its maker holds","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["all.User"],"token":"$secret2","_type":"userApiToken","_actions":{"delete":{"href":"/me/tokens/$hex4","method":"DELETE"},"get":{"href":"/me/tokens/$hex4","method":"GET"},"patch":{"href":"/me/tokens/$hex4","method":"PATCH"}}}
>>>
POST /me/tokens?_links=0&_actions=0 HTTP/1.1
Authorization: Bearer $secret2

{"name":"made by a made one","scope":[],"status":"inactive"}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex5","apiTokenId":"$hex5","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex4","creatorType":"apiToken","creatorName":"all that its maker holds","name":"made by a made one","status":"inactive","creationDate":"$time","lastUpdated":"$time","scope":[],"token":"$secret3","_type":"userApiToken"}
