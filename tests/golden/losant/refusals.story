# Each row of the status table that a request alone can bring about, and the framework's words for bad parameters and bodies.
ADA: all.User owner=mira
READER: userApiTokens.get owner=mira
MAKER: userApiTokens.* userApiToken.* things.* owner=mira
OTHER: all.User owner=tom
>>>
GET /me/tokens HTTP/1.1

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Forbidden","message":"Access is forbidden"}
>>>
GET /me/tokens HTTP/1.1
Authorization: Basic YTpi

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Forbidden","message":"Access is forbidden"}
>>>
GET /me/tokens HTTP/1.1
Authorization: Bearer adm-secret

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"Unauthorized","message":"Invalid access token"}
>>>
GET /me/tokens HTTP/1.1
Authorization: Bearer $ADA
Authorization: Bearer $OTHER

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"Unauthorized","message":"Invalid access token"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $READER

{"name":"n"}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Forbidden","message":"Access is forbidden"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $MAKER

{"name":"n","scope":["things.read","all.User"]}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Forbidden","message":"Access is forbidden: this token does not hold all.User and so cannot grant it"}
>>>
GET /me/tokens/95738466ffeea753d6b533cd HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"API Token was not found"}
>>>
GET /me/tokens/a%2Fb%20c HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiTokenId pattern mismatch"}
>>>
GET /me/tokens?sortField=owner HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"sortField must be an enum value"}
>>>
GET /me/tokens?sortDirection=up HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"sortDirection must be an enum value"}
>>>
GET /me/tokens?page=-1 HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"page must be a whole number from 0, of 15 digits at most"}
>>>
GET /me/tokens?perPage=1001 HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"perPage must be a whole number from 1 to 1000"}
>>>
GET /me/tokens?filterField=id&filter=x HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"filterField must be an enum value"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken is required"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

{"name":

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"InvalidContent","message":"The request body is not JSON: EOF while parsing a value at line 1 column 8"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

[]

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken is the wrong type"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

{}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken.name is required"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

{"name":"n","colour":"red"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken has additional properties"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

{"name":"n","status":"off"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken.status must be an enum value"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

{"name":"n","scope":["a.b","a.b"]}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken.scope must be unique"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

{"name":"n","scope":["not a scope"]}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken.scope.0 no (or more than one) schemas match"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

{"name":"n","expirationDate":"2031-05-01"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken.expirationDate must be date-time format"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

{"name":"n","expirationDate":null}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken.expirationDate is the wrong type"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

{"name":"n","expirationDate":"2001-05-01T00:00:00Z"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken.expirationDate $time is not in the future; to stop a token now, disable or revoke it"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

{"name":"n","orgRoles":[{"role":"view"}]}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken.orgRoles.0.orgId is required"}
>>>
POST /me/tokens HTTP/1.1
Authorization: Bearer $ADA

{"name":"a\u0000b"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken.name holds a control character"}
>>>
PATCH /me/tokens/95738466ffeea753d6b533cd HTTP/1.1
Authorization: Bearer $ADA

{"scope":["a.b"]}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"Validation","message":"apiToken has additional properties"}
>>>
PATCH /me/tokens/95738466ffeea753d6b533cd HTTP/1.1
Authorization: Bearer $ADA

{"name":"n"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"API Token was not found"}
>>>
DELETE /me/tokens/ HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 405 Method Not Allowed
allow: GET, POST
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"MethodNotAllowed","message":"The method is not allowed at this path; Allow names those that are"}
>>>
PUT /me/tokens/95738466ffeea753d6b533cd HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 405 Method Not Allowed
allow: GET, PATCH, DELETE
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"MethodNotAllowed","message":"The method is not allowed at this path; Allow names those that are"}
>>>
GET /me/tokens/95738466ffeea753d6b533cd/more HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"Nothing is at this path"}
>>>
GET /me HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"NotFound","message":"Nothing is at this path"}
>>>
GET /me/tokens HTTP/1.1
Authorization: Bearer $ADA
Content-Length: 2000000

<<<
HTTP/1.1 413 Payload Too Large
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"type":"RequestEntityTooLarge","message":"The request body is longer than 1 MiB"}
