#ifndef AUDIT_KEYRING_H
#define AUDIT_KEYRING_H

/*
 * keyring: private keys as files of mode 0600 in DIR/keys, PKCS#8 in PEM, behind struct
 * audit_signer.
 *
 *   the log      audit-ed25519.pem, audit-sm2.pem; their public keys in audit.pub
 *   a witness    witness-ed25519.pem; its public key in witness.pub
 *
 * The .pub file is written last and is what says that the keys exist and what the log is called.
 * Nothing is ever overwritten: a key that is missing while its .pub is there is LX_ERR_NOT_FOUND.
 *
 * Ownership: the ring owns the keys; signers borrow from it.
 * Errors:    LX_ERR_NOT_FOUND, LX_ERR_BAD_INPUT, LX_ERR_CORRUPT (a key that is not the .pub's),
 *            file's.
 * Threads:   one at a time.
 */

#include "audit/key.h"
#include "base/env.h"

struct audit_keyring;

enum audit_keyring_of { AUDIT_LOG_KEYS, AUDIT_WITNESS_KEYS };

/* `name`: NULL is a name made from the key; another one than that of existing keys is
 * LX_ERR_REFUSED. Makes the keys if there are none. */
LX_MUST_USE enum lx_err audit_keyring_open(const char *folder, enum audit_keyring_of whose,
                                           const char *name, const struct lx_env *env,
                                           struct audit_keyring **ret_ring, struct lx_error *err);
void audit_keyring_close(struct audit_keyring *ring); /* NULL is fine */

size_t audit_keyring_count(const struct audit_keyring *ring);
const struct audit_signer *audit_keyring_signer(const struct audit_keyring *ring, size_t index);

/* DIR/keys/audit.pub or witness.pub. */
LX_MUST_USE enum lx_err audit_keyring_public_path(const char *folder, enum audit_keyring_of whose,
                                                  char *ret_path, struct lx_error *err);

#endif
