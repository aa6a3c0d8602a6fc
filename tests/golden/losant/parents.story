# Tokens of applications and of instances. 575ec8687ae143cd83dc4a97 and 59a1c0f3b2d4e67788990011 are in the configuration.
ADA: all.User owner=mira
NARROW: all.Application.read owner=tom
ROBOT: all.User owner=application:575ec8687ae143cd83dc4a97
GATE: all.User owner=instance:59a1c0f3b2d4e67788990011
UNNAMED: all.User owner=application:5e9f10aa44c0de00112233ff
>>>
POST /applications/575EC8687AE143CD83DC4A97/tokens?_actions=false HTTP/1.1
Authorization: Bearer $ADA

{"name":"arm","scope":["things.read"]}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex1","apiTokenId":"$hex1","ownerId":"575ec8687ae143cd83dc4a97","ownerType":"application","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"arm","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["things.read"],"token":"$secret1","_type":"applicationApiToken","_links":{"applicationApiTokens":{"href":"/applications/575ec8687ae143cd83dc4a97/tokens"},"self":{"href":"/applications/575ec8687ae143cd83dc4a97/tokens/$hex1"}}}
>>>
POST /applications/575ec8687ae143cd83dc4a97/tokens?_actions=0&_links=0 HTTP/1.1
Authorization: Bearer $ADA

{"name":"without scopes"}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex3","apiTokenId":"$hex3","ownerId":"575ec8687ae143cd83dc4a97","ownerType":"application","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"without scopes","status":"active","creationDate":"$time","lastUpdated":"$time","scope":[],"token":"$secret2","_type":"applicationApiToken"}
>>>
GET /applications/575ec8687ae143cd83dc4a97/tokens?_links=0&filterField=name&filter=arm HTTP/1.1
Authorization: Bearer $NARROW

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":1,"totalCount":1,"items":[{"id":"$hex1","apiTokenId":"$hex1","ownerId":"575ec8687ae143cd83dc4a97","ownerType":"application","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"arm","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["things.read"],"_type":"applicationApiToken","_actions":{"get":{"href":"/applications/575ec8687ae143cd83dc4a97/tokens/$hex1","method":"GET"}}}],"page":0,"perPage":100,"sortField":"name","sortDirection":"asc","filterField":"name","filter":"arm","ownerId":"575ec8687ae143cd83dc4a97","ownerType":"application","_type":"applicationApiTokens","_actions":{"get":{"href":"/applications/575ec8687ae143cd83dc4a97/tokens","method":"GET"}}}
>>>
GET /applications/575ec8687ae143cd83dc4a97/tokens/$hex1?_actions=0&_links=0 HTTP/1.1
Authorization: Bearer $ROBOT

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex1","apiTokenId":"$hex1","ownerId":"575ec8687ae143cd83dc4a97","ownerType":"application","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"arm","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["things.read"],"_type":"applicationApiToken"}
>>>
GET /me/tokens?_actions=0&_links=0&filterField=name&filter=arm HTTP/1.1
Authorization: Bearer $ROBOT

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":1,"totalCount":1,"items":[{"id":"$hex1","apiTokenId":"$hex1","ownerId":"575ec8687ae143cd83dc4a97","ownerType":"application","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"arm","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["things.read"],"_type":"userApiToken"}],"page":0,"perPage":100,"sortField":"name","sortDirection":"asc","filterField":"name","filter":"arm","ownerId":"575ec8687ae143cd83dc4a97","ownerType":"application","_type":"userApiTokens"}
>>>
PATCH /applications/575ec8687ae143cd83dc4a97/tokens/$hex1?_actions=0&_links=0 HTTP/1.1
Authorization: Bearer $ADA

{"status":"inactive"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex1","apiTokenId":"$hex1","ownerId":"575ec8687ae143cd83dc4a97","ownerType":"application","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"arm","status":"inactive","creationDate":"$time","lastUpdated":"$time","scope":["things.read"],"_type":"applicationApiToken"}
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
GET /applications/575ec8687ae143cd83dc4a98/tokens/$hex1 HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"API Token was not found"}
>>>
DELETE /applications/575ec8687ae143cd83dc4a97/tokens/$hex1 HTTP/1.1
Authorization: Bearer $ADA

{}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"success":true}
>>>
POST /instances/59a1c0f3b2d4e67788990011/tokens HTTP/1.1
Authorization: Bearer $ADA

{"name":"gateway","scope":[]}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"id":"$hex4","apiTokenId":"$hex4","ownerId":"59a1c0f3b2d4e67788990011","ownerType":"application","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"gateway","status":"active","creationDate":"$time","lastUpdated":"$time","scope":[],"token":"$secret3","_type":"instanceApiToken","_links":{"instanceApiTokens":{"href":"/instances/59a1c0f3b2d4e67788990011/tokens"},"self":{"href":"/instances/59a1c0f3b2d4e67788990011/tokens/$hex4"}},"_actions":{"delete":{"href":"/instances/59a1c0f3b2d4e67788990011/tokens/$hex4","method":"DELETE"},"get":{"href":"/instances/59a1c0f3b2d4e67788990011/tokens/$hex4","method":"GET"},"patch":{"href":"/instances/59a1c0f3b2d4e67788990011/tokens/$hex4","method":"PATCH"}}}
>>>
GET /instances/59a1c0f3b2d4e67788990011/tokens?_actions=0&_links=0&filterField=name&filter=gateway HTTP/1.1
Authorization: Bearer $GATE

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":1,"totalCount":1,"items":[{"id":"$hex4","apiTokenId":"$hex4","ownerId":"59a1c0f3b2d4e67788990011","ownerType":"application","creatorId":"$hex2","creatorType":"apiToken","creatorName":"ADA","name":"gateway","status":"active","creationDate":"$time","lastUpdated":"$time","scope":[],"_type":"instanceApiToken"}],"page":0,"perPage":100,"sortField":"name","sortDirection":"asc","filterField":"name","filter":"gateway","ownerId":"59a1c0f3b2d4e67788990011","ownerType":"application","_type":"instanceApiTokens"}
>>>
GET /applications/5e9f10aa44c0de00112233ff/tokens?_actions=0&_links=0 HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":1,"totalCount":1,"items":[{"id":"$hex5","apiTokenId":"$hex5","ownerId":"$hex6","ownerType":"application","creatorId":"$hex7","creatorType":"user","creatorName":"operator","name":"UNNAMED","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["all.User"],"_type":"applicationApiToken"}],"page":0,"perPage":100,"sortField":"name","sortDirection":"asc","ownerId":"$hex6","ownerType":"application","_type":"applicationApiTokens"}
>>>
GET /applications/575ec8687ae143cd83dc4a97/tokens HTTP/1.1
Authorization: Bearer $UNNAMED

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"Application was not found"}
>>>
GET /instances/59a1c0f3b2d4e67788990011/tokens HTTP/1.1
Authorization: Bearer $ROBOT

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"Instance was not found"}
>>>
GET /applications/575ec8687ae143cd83dc4a97/tokens HTTP/1.1
Authorization: Bearer $GATE

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"Application was not found"}
>>>
GET /applications/95738466ffeea753d6b533cd/tokens HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"Application was not found"}
>>>
GET /instances/95738466ffeea753d6b533cd/tokens HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"Instance was not found"}
>>>
GET /applications/xyz/tokens/abc HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"applicationId pattern mismatch"}
>>>
PATCH /instances/59a1c0f3b2d4e67788990011/tokens/xyz HTTP/1.1
Authorization: Bearer $ADA

{"colour":1}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiTokenId pattern mismatch"}
>>>
DELETE /instances/59a1c0f3b2d4e67788990011/tokens/$hex2 HTTP/1.1
Authorization: Bearer $NARROW

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Forbidden","message":"Access is forbidden"}
>>>
GET /applications/575ec8687ae143cd83dc4a97 HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"Nothing is at this path"}
