import { conformance } from './conformance.js';

conformance('quiche');
