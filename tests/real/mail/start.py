#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Starts a real mail system for tests in a temporary folder, without root:
Dovecot (IMAP, IMAPS, LMTP) and an SMTP/submission server on aiosmtpd that hands
every accepted message to Dovecot over LMTP.  TLS with a certificate made for the
occasion.  Nothing is read from /etc/dovecot and no port below 1024 is used.

    /usr/bin/python3 start.py [--oauth URL] [--rawlog] [user[:password] ...]     (default: desk:desk-pw customer:customer-pw)

--oauth URL   both servers take XOAUTH2 too; whether a token holds they ask at URL/tokeninfo?access_token=…
              as one asks Google: 200 and {"email": …}, or 400
--rawlog      what is said over IMAP is kept in FOLDER/rawlog/USER, each line with its time
Prints ONE line of JSON (ports, certificate, accounts) on stdout once everything
listens, then runs until SIGTERM, SIGINT or the end of stdin (when it is a pipe),
stops the servers and removes the folder.

Debian packages: dovecot-imapd dovecot-lmtpd python3-aiosmtpd openssl
"""
import argparse, asyncio, base64, grp, json, os, pwd, random, shutil, signal, smtplib, socket, ssl, stat
import subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request

DOMAIN = 'mail.test'
started = time.time()


def free_port():
    """Below those the kernel hands out itself, so that tests beside this one do not get it meanwhile."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as s:
            try:
                s.bind(('127.0.0.1', port))
            except OSError:
                continue
            return port


def wait_for_port(port, what, seconds=10):
    end = time.time() + seconds
    while True:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            if time.time() > end:
                raise SystemExit(f'{what} does not listen on {port}')
            time.sleep(0.02)


def become_unprivileged():
    """As root, give everything to `nobody`: the servers need no privileges."""
    if os.getuid() == 0:
        who = pwd.getpwnam('nobody')
        os.setgroups([])
        os.setgid(who.pw_gid)
        os.setuid(who.pw_uid)
        os.environ['HOME'] = '/nonexistent'


def make_certificate(folder):
    crt, key = f'{folder}/cert.pem', f'{folder}/key.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                    '-nodes', '-days', '30', '-subj', '/CN=localhost', '-keyout', key, '-out', crt,
                    '-addext', f'subjectAltName=DNS:localhost,DNS:{DOMAIN},IP:127.0.0.1'],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return crt, key


def oauth_config(folder, oauth):
    with open(f'{folder}/oauth2.conf', 'w') as f:
        f.write(f'tokeninfo_url = {oauth}/tokeninfo?access_token=\nusername_attribute = email\ntimeout_msecs = 5000\n')
    return f'''
auth_mechanisms = $auth_mechanisms xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
'''


def dovecot_config(folder, ports, crt, key, oauth, rawlog):
    user = pwd.getpwuid(os.getuid()).pw_name
    group = grp.getgrgid(os.getgid()).gr_name
    # Without root Dovecot can neither chroot nor change users: every service
    # runs as this account, and the mailboxes are owned by it.
    return f'''
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = {os.getuid()}
first_valid_gid = {os.getgid()}
last_valid_uid = 0
last_valid_gid = 0
ssl = yes
ssl_cert = <{crt}
ssl_key = <{key}
disable_plaintext_auth = yes
auth_failure_delay = 0
auth_mechanisms = plain login
mail_location = maildir:~/Maildir
mail_fsync = never
mailbox_list_index = yes
lda_mailbox_autocreate = yes
lda_mailbox_autosubscribe = yes
recipient_delimiter = +
hostname = localhost
postmaster_address = postmaster@{DOMAIN}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {ports['imap']}
  }}
  inet_listener imaps {{
    port = {ports['imaps']}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {ports['lmtp']}
  }}
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Archive {{
    auto = subscribe
    special_use = \\Archive
  }}
}}
protocol imap {{
  rawlog_dir = {f'{folder}/rawlog/%Ln' if rawlog else ''}
}}
{oauth_config(folder, oauth) if oauth else ''}
passdb {{
  driver = passwd-file
  {'mechanisms = plain login' if oauth else ''}
  args = scheme=PLAIN username_format=%Ln {folder}/users
}}
userdb {{
  driver = static
  args = uid={os.getuid()} gid={os.getgid()} home={folder}/home/%Ln{' allow_all_users=yes' if oauth else ''}
}}
'''


def holder(oauth, token):
    """Whose token it is, as the provider says; None: it does not hold."""
    try:
        with urllib.request.urlopen(f'{oauth}/tokeninfo?access_token={urllib.parse.quote(token)}', timeout=5) as answer:
            return json.load(answer).get('email')
    except (urllib.error.HTTPError, OSError):
        return None


def serve_smtp(ports, crt, key, accounts, folder, oauth):
    from aiosmtpd.smtp import SMTP, AuthResult

    class ToDovecot:
        async def handle_RCPT(self, server, session, envelope, address, options):
            local, _, domain = address.rpartition('@')
            known = domain.lower() == DOMAIN and local.split('+')[0].lower() in accounts
            if not known:
                return '550 5.1.1 no such mailbox here'
            envelope.rcpt_tos.append(address)
            return '250 OK'

        async def handle_DATA(self, server, session, envelope):
            def deliver():
                with smtplib.LMTP('127.0.0.1', ports['lmtp'], local_hostname='localhost') as lmtp:
                    for to in envelope.rcpt_tos:  # one each: LMTP answers for every recipient, smtplib reads one answer
                        lmtp.sendmail(envelope.mail_from or '', [to], envelope.content)
            try:
                await asyncio.get_running_loop().run_in_executor(None, deliver)
            except (smtplib.SMTPException, OSError) as e:
                return f'451 4.3.0 not delivered: {type(e).__name__}'
            return '250 2.0.0 delivered'

    def authenticate(server, session, envelope, mechanism, data):
        name = data.login.decode('utf-8', 'replace').split('@')[0].lower()
        ok = accounts.get(name) == data.password.decode('utf-8', 'replace')
        return AuthResult(success=ok, handled=ok)

    class WithTokens(SMTP):
        async def auth_XOAUTH2(self, _, args):
            try:
                said = dict(p.split('=', 1) for p in base64.b64decode(args[1]).decode().split('\1') if p)
                user, token = said['user'], said['auth'].removeprefix('Bearer ')
            except (IndexError, KeyError, ValueError):
                await self.push('501 5.5.2 this is no XOAUTH2')
                return AuthResult(success=False, handled=True)
            whose = await asyncio.get_running_loop().run_in_executor(None, holder, oauth, token)
            if whose and whose.lower() == user.lower():
                return AuthResult(success=True)
            await self.challenge_auth('{"status":"401","schemes":"bearer","scope":"mail"}')  # the client answers with an empty line
            return AuthResult(success=False, handled=False)

    kind = WithTokens if oauth else SMTP
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)

    def factory(**more):
        return lambda: kind(ToDovecot(), hostname=DOMAIN, authenticator=authenticate,
                            enable_SMTPUTF8=True, data_size_limit=26214400, **more)
    plain = factory(tls_context=context)                    # like port 25: STARTTLS offered
    submission = factory(tls_context=context, auth_required=True, require_starttls=True)
    # Inside TLS from the first byte aiosmtpd does not know it is encrypted.
    smtps = factory(auth_required=True, auth_require_tls=False)

    async def run():
        loop = asyncio.get_running_loop()
        for name, make, tls in (('smtp', plain, None), ('submission', submission, None), ('smtps', smtps, context)):
            await loop.create_server(make, '127.0.0.1', ports[name], ssl=tls)
        stop = loop.create_future()
        finish = lambda *_: stop.done() or stop.set_result(None)
        for s in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(s, finish)
        mode = os.fstat(0).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            loop.add_reader(0, lambda: os.read(0, 4096) or finish())
        print(json.dumps({
            'pid': os.getpid(), 'boot_ms': round((time.time() - started) * 1000), 'domain': DOMAIN, **ports, 'cert': crt,
            'folder': folder, 'uid': os.getuid(), 'gid': os.getgid(),
            'accounts': {u: {'address': f'{u}@{DOMAIN}', 'login': u, 'password': p} for u, p in accounts.items()},
        }), flush=True)
        await stop
    asyncio.run(run())


def main():
    reader = argparse.ArgumentParser()
    reader.add_argument('--oauth')
    reader.add_argument('--rawlog', action='store_true')
    reader.add_argument('accounts', nargs='*', default=['desk:desk-pw', 'customer:customer-pw'])
    given = reader.parse_args()
    pairs = [a.partition(':') for a in given.accounts]
    accounts = {u.lower(): p or f'{u}-pw' for u, _, p in pairs}
    become_unprivileged()
    folder = tempfile.mkdtemp(prefix='mail-')
    dovecot = None
    try:
        for sub in ('run', 'state', 'home'):
            os.mkdir(f'{folder}/{sub}', 0o755)
        for name in accounts if given.rawlog else ():
            os.makedirs(f'{folder}/rawlog/{name}')
        crt, key = make_certificate(folder)
        with open(f'{folder}/users', 'w') as f:
            f.writelines(f'{u}:{{PLAIN}}{p}\n' for u, p in accounts.items())
        ports = {n: free_port() for n in ('imap', 'imaps', 'lmtp', 'smtp', 'submission', 'smtps')}
        with open(f'{folder}/dovecot.conf', 'w') as f:
            f.write(dovecot_config(folder, ports, crt, key, given.oauth, given.rawlog))
        dovecot = subprocess.Popen(['/usr/sbin/dovecot', '-F', '-c', f'{folder}/dovecot.conf'], stdin=subprocess.DEVNULL,
                                   stdout=sys.stderr)
        for name in ('imap', 'imaps', 'lmtp'):
            wait_for_port(ports[name], f'Dovecot {name}')
        serve_smtp(ports, crt, key, accounts, folder, given.oauth)
    except SystemExit:
        log = f'{folder}/dovecot.log'
        if os.path.exists(log):
            sys.stderr.write(open(log).read())
        raise
    finally:
        if dovecot:
            dovecot.terminate()
            try:
                dovecot.wait(5)
            except subprocess.TimeoutExpired:
                dovecot.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
